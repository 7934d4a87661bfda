"""The setup of an org as metadata files, made from the mapping: fields, permissions, guard, queue, list views."""
