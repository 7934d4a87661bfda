"""The default configuration as YAML, a JSON Schema for each kind of file, and the one way to read them.

What a document means is decided by the `parse_...` function of the domain module that uses it.
"""
