-- Rows of a Bulk job carry no condition: before one leaves, other writes of ours to its records are looked for.
CREATE INDEX write_intent_by_record ON write_intent (salesforce_id) WHERE salesforce_id IS NOT NULL;
