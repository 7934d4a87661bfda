-- name: list_batches(since)
-- Batches whose log is still kept, oldest first.
SELECT batch_id FROM batch WHERE created_at >= :since ORDER BY batch_id;

-- name: list_delivered(batch_id)
-- Rows as they were delivered.
SELECT batch_id, raw_lead_id FROM raw_lead WHERE batch_id = :batch_id;

-- name: list_outcomes(batch_id)
-- Where they ended.
SELECT batch_id, raw_lead_id, dievio_lead_id, outcome, op_id FROM lead_outcome WHERE batch_id = :batch_id;

-- name: list_intents(batch_id)
-- Our writes, in the order in which they ended.
SELECT op_id, dievio_lead_id, person_key, purpose, kind, state, object_name, salesforce_id
FROM write_intent WHERE batch_id = :batch_id
ORDER BY resolved_at NULLS LAST, op_id;

-- name: list_log(batch_id)
-- Entries that say a write took place.
SELECT l.op_id, l.salesforce_id, l.fields_changed
FROM sync_log AS l
WHERE l.batch_id = :batch_id AND l.outcome = 'applied' AND l.op_id IS NOT NULL
  AND l.logged_at >= (SELECT b.created_at FROM batch AS b WHERE b.batch_id = :batch_id)
ORDER BY l.logged_at, l.sync_log_id;

-- name: list_known_ops(op_ids)
-- Which of some receipts are writes of ours.
SELECT op_id FROM write_intent WHERE op_id = ANY (:op_ids);

-- name: list_links(batch_id)
-- The records of the batch's leads.
SELECT k.dievio_lead_id, k.salesforce_id
FROM salesforce_link AS k
WHERE k.dievio_lead_id IN (SELECT o.dievio_lead_id FROM lead_outcome AS o WHERE o.batch_id = :batch_id);

-- name: list_live_records(batch_id)
-- Live records of the mirror that carry the ids of the batch's leads.
SELECT r.salesforce_id, r.object_name, r.dievio_lead_id
FROM directory_record AS r
WHERE r.dievio_lead_id IN (SELECT o.dievio_lead_id FROM lead_outcome AS o WHERE o.batch_id = :batch_id)
  AND NOT r.is_deleted AND NOT r.is_converted;

-- name: list_dead_letters(batch_id)
-- Writes given up.
SELECT dievio_lead_id, stage, error_code, cause, owner, attempts, payload, payload_sha256
FROM dead_letter WHERE batch_id = :batch_id;

-- name: is_complete(batch_id)$
-- Whether every gate after the write passed, and no row waits to be let through.
SELECT coalesce(bool_and(passed), false) AND NOT EXISTS (SELECT FROM waiting_row WHERE batch_id = :batch_id)
FROM gate_result
WHERE batch_id = :batch_id AND stage = 'readback' AND is_blocking;

-- name: list_waiting(batch_id)
-- Rows that wait to be let through.
SELECT batch_id, raw_lead_id FROM waiting_row WHERE batch_id = :batch_id;
