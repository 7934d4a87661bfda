-- name: list_batches(since)
-- Batches whose log is still kept, oldest first.
SELECT batch_id FROM batch WHERE created_at >= :since ORDER BY batch_id;

-- name: has_batch(batch_id)$
-- Whether a batch was ever begun.
SELECT EXISTS (SELECT FROM batch WHERE batch_id = :batch_id);

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

-- name: list_history(batch_id)
-- What was ever written to the records that a batch wrote, as far as the log is kept, with what is known about the writes.
SELECT l.op_id, l.salesforce_id, l.fields_changed, i.purpose, i.kind, d.fetched_at AS source_at,
       EXISTS (SELECT FROM review_item AS q
               WHERE q.dievio_lead_id = i.dievio_lead_id AND q.state = 'decided' AND q.reason <> 'twin_created')
           AS is_answered
FROM sync_log AS l
JOIN write_intent AS i ON i.op_id = l.op_id
LEFT JOIN lead AS d ON d.batch_id = i.batch_id AND d.raw_lead_id = i.raw_lead_id
WHERE l.outcome = 'applied'
  AND l.salesforce_id IN (SELECT w.salesforce_id FROM write_intent AS w
                          WHERE w.batch_id = :batch_id AND w.state = 'applied')
ORDER BY l.logged_at, l.sync_log_id;

-- name: list_paid_calls(batch_id)
-- The accounts that a batch has a part in: its searches, and the days on which it enriched.
SELECT c.call_id, c.batch_id, 'search ' || c.batch_id || '/' || c.segment AS account, c.state,
       c.reserved_credits AS reserved, c.settled_credits AS settled, c.budget_credits AS budget,
       c.requested_at >= coalesce(p.started_at, c.requested_at) AS is_current
FROM credit_ledger AS c
LEFT JOIN segment_pull AS p ON p.batch_id = c.batch_id AND p.segment = c.segment
WHERE c.purpose = 'search' AND c.batch_id = :batch_id
UNION ALL
SELECT c.call_id, c.batch_id, 'enrichment ' || (c.requested_at AT TIME ZONE 'UTC')::date, c.state,
       c.reserved_credits, c.settled_credits, c.budget_credits, true
FROM credit_ledger AS c
WHERE c.purpose = 'enrichment'
  AND (c.requested_at AT TIME ZONE 'UTC')::date IN (
      SELECT (own.requested_at AT TIME ZONE 'UTC')::date FROM credit_ledger AS own
      WHERE own.purpose = 'enrichment' AND own.batch_id = :batch_id);

-- name: list_kept_answers(batch_id)
-- The paid answers of these accounts, replaced pages among them: those were paid for as well.
SELECT 'search ' || p.batch_id || '/' || p.segment AS account, p.credits
FROM (SELECT batch_id, segment, credits FROM raw_page
      UNION ALL SELECT batch_id, segment, credits FROM superseded_page) AS p
WHERE p.batch_id = :batch_id
UNION ALL
SELECT 'enrichment ' || (c.requested_at AT TIME ZONE 'UTC')::date, NULL
FROM enrichment_answer AS a
JOIN credit_ledger AS c ON c.call_id = a.call_id
WHERE (c.requested_at AT TIME ZONE 'UTC')::date IN (
    SELECT (own.requested_at AT TIME ZONE 'UTC')::date FROM credit_ledger AS own
    WHERE own.purpose = 'enrichment' AND own.batch_id = :batch_id);

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
