-- name: list_items(state, reason, owner, batch_id, most)
-- Questions, the oldest first; a filter that is null lets everything pass.
SELECT review_item_id, batch_id, dievio_lead_id, raw_lead_id, reason, question, candidates, proposal, owner, state,
       opened_at, decision, decided_by, decided_at
FROM review_item
WHERE state = :state
  AND (:reason::text IS NULL OR reason = :reason)
  AND (:owner::text IS NULL OR owner = :owner)
  AND (:batch_id::text IS NULL OR batch_id = :batch_id)
ORDER BY opened_at, review_item_id
LIMIT :most;

-- name: get_item(review_item_id)^
-- One question.
SELECT review_item_id, batch_id, dievio_lead_id, raw_lead_id, reason, question, candidates, proposal, owner, state,
       opened_at, decision, decided_by, decided_at
FROM review_item
WHERE review_item_id = :review_item_id;

-- name: list_named_records(salesforce_ids, dievio_lead_id)
-- People of the org that a decision names, and which other lead they belong to, if any.
SELECT r.salesforce_id, r.object_name, NOT r.is_deleted AND NOT r.is_converted AS is_live,
       coalesce(CASE WHEN r.dievio_lead_id <> :dievio_lead_id THEN r.dievio_lead_id END,
                (SELECT k.dievio_lead_id FROM salesforce_link AS k
                 WHERE k.salesforce_id = r.salesforce_id AND k.dievio_lead_id <> :dievio_lead_id
                 ORDER BY k.dievio_lead_id LIMIT 1),
                r.dievio_lead_id) AS holder_lead_id
FROM directory_record AS r
WHERE r.salesforce_id = ANY (:salesforce_ids::text[]) AND r.object_name IN ('Lead', 'Contact');

-- name: list_candidate_ids(batch_id, dievio_lead_id)
-- Records that matching last held against a lead.
SELECT DISTINCT salesforce_id FROM match_candidate WHERE batch_id = :batch_id AND dievio_lead_id = :dievio_lead_id
ORDER BY salesforce_id;

-- name: close_item(review_item_id, decision, decided_by, at)!
-- Keep an answer, unless somebody was quicker.
UPDATE review_item
SET state = 'decided', decision = :decision, decided_by = :decided_by, decided_at = :at
WHERE review_item_id = :review_item_id AND state = 'open';

-- name: assign_item(review_item_id, owner)!
-- Give an open question to somebody else.
UPDATE review_item SET owner = :owner WHERE review_item_id = :review_item_id AND state = 'open';

-- name: remember_answers(dievio_lead_id, answers, decided_by, at)!
-- What a person said about a lead and some records; a lead is the person of one record, so a new "same" ends the old.
WITH answered AS (
    SELECT key AS salesforce_id, value AS answer FROM jsonb_each_text(:answers)
),
ended AS (
    DELETE FROM pair_memory
    WHERE dievio_lead_id = :dievio_lead_id AND answer = 'same'
      AND EXISTS (SELECT FROM answered WHERE answer = 'same')
      AND salesforce_id NOT IN (SELECT salesforce_id FROM answered)
)
INSERT INTO pair_memory (dievio_lead_id, salesforce_id, answer, decided_by, decided_at)
SELECT :dievio_lead_id, salesforce_id, answer, :decided_by, :at
FROM answered
ON CONFLICT (dievio_lead_id, salesforce_id) DO UPDATE
SET answer = excluded.answer, decided_by = excluded.decided_by, decided_at = excluded.decided_at;

-- name: count_open_by_reason()
-- Open questions by reason, with the oldest of each.
SELECT reason, count(*) AS items, min(opened_at) AS oldest_at
FROM review_item
WHERE state = 'open'
GROUP BY reason
ORDER BY items DESC, reason;

-- name: close_twin_items(batch_id, dievio_lead_ids, decided_by, at)!
-- End the questions about second records of a batch whose leads have none any more: merged, deleted or converted.
UPDATE review_item
SET state = 'decided', decision = '{"choice": "gone", "reason": "there is no second record any more"}',
    decided_by = :decided_by, decided_at = :at
WHERE batch_id = :batch_id AND reason = 'twin_created' AND state = 'open'
  AND dievio_lead_id <> ALL (:dievio_lead_ids::text[]);

-- name: insert_twin_items(batch_id, twins, owner, at)!
-- Ask about the second records of persons; about a record that a person called the same, and which waits to be merged,
-- nobody is asked again.
INSERT INTO review_item (batch_id, dievio_lead_id, raw_lead_id, reason, question, candidates, proposal, owner, state,
                         opened_at)
SELECT :batch_id, t.dievio_lead_id, t.raw_lead_id, 'twin_created',
       'beside our record ' || t.salesforce_id || ' the org holds '
       || (SELECT string_agg(r ->> 'salesforce_id', ', ') FROM jsonb_array_elements(t.records) AS r)
       || ' of the same person',
       t.records, '{}', owner_of('twin_created', :owner), 'open', :at
FROM jsonb_to_recordset(:twins) AS t (dievio_lead_id text, raw_lead_id bigint, salesforce_id text, records jsonb)
WHERE EXISTS (SELECT FROM jsonb_array_elements(t.records) AS r
              WHERE NOT EXISTS (SELECT FROM review_item AS i
                                WHERE i.dievio_lead_id = t.dievio_lead_id AND i.reason = 'twin_created'
                                  AND i.state = 'decided' AND i.decision ->> 'choice' = 'same'
                                  AND i.decision -> 'seen' ? (r ->> 'salesforce_id')))
ON CONFLICT (dievio_lead_id, reason) WHERE state = 'open' DO NOTHING;
