-- name: import_written_values(values)!
-- Remember values that a sync before this product wrote; what the product itself wrote since stays.
INSERT INTO field_value (salesforce_id, field, value, op_id, written_at)
SELECT v.salesforce_id, v.field, v.value, v.op_id, v.written_at
FROM jsonb_to_recordset(:values) AS v (salesforce_id text, field text, value jsonb, op_id uuid, written_at timestamptz)
ON CONFLICT (salesforce_id, field) DO NOTHING;
