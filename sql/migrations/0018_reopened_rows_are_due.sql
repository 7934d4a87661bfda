-- A row that had its outcome was let through before its batch was narrowed: a decision or a replay that reopens it may go on.
CREATE OR REPLACE VIEW due_decision AS
SELECT d.*
FROM sync_decision AS d
WHERE NOT EXISTS (SELECT FROM batch_scope AS s WHERE s.batch_id = d.batch_id)
   OR EXISTS (SELECT FROM chosen_lead AS c WHERE c.batch_id = d.batch_id AND c.dievio_lead_id = d.dievio_lead_id)
   OR EXISTS (SELECT FROM lead_outcome AS o WHERE o.batch_id = d.batch_id AND o.raw_lead_id = d.raw_lead_id);
