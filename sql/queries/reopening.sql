-- name: reopen_asked(dievio_lead_id, reason, at)!
-- Have every row worked on again that waits for the answer to one question: the same lead may have come on several nights.
UPDATE lead_outcome
SET reopened_at = :at
WHERE dievio_lead_id = :dievio_lead_id AND outcome = 'review' AND reason_code = :reason AND reopened_at IS NULL;

-- name: reopen_row(batch_id, raw_lead_id, at)!
-- Have one row worked on again. A row that created its record stays as it is: nothing can come of it but another word
-- for the same record, and the next night brings the lead again.
UPDATE lead_outcome
SET reopened_at = :at
WHERE batch_id = :batch_id AND raw_lead_id = :raw_lead_id AND outcome <> 'created' AND reopened_at IS NULL;

-- name: reopen_given_up(dievio_lead_ids, at)!
-- Have every row of these leads worked on again that ended as a dead letter.
UPDATE lead_outcome
SET reopened_at = :at
WHERE dievio_lead_id = ANY (:dievio_lead_ids::text[]) AND outcome = 'dead_letter' AND reopened_at IS NULL;

-- name: list_reopened()
-- Rows that wait to be worked on again, the newest batch first: what it writes is the newer truth.
SELECT batch_id, dievio_lead_id, outcome = 'dead_letter' AS is_replay
FROM lead_outcome
WHERE reopened_at IS NOT NULL AND dievio_lead_id IS NOT NULL
ORDER BY batch_id DESC, dievio_lead_id;

-- name: list_outcomes(batch_id, dievio_lead_ids)
-- Where some rows of a batch ended, those apart that still wait.
SELECT outcome, count(*) AS leads
FROM settled_outcome AS o
WHERE o.batch_id = :batch_id AND o.dievio_lead_id = ANY (:dievio_lead_ids::text[])
  AND NOT EXISTS (SELECT FROM lead AS l WHERE l.batch_id = o.batch_id AND l.raw_lead_id = o.raw_lead_id
                                          AND l.duplicate_of_raw_lead_id IS NOT NULL)
GROUP BY outcome;
