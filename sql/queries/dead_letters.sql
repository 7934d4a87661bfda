-- name: list_groups(state)
-- Dead letters by error code and stage, the largest group first: what to mend once for all of them.
SELECT error_code, stage, min(error_class) AS error_class, min(cause) AS cause,
       min(suggested_repair) AS suggested_repair, string_agg(DISTINCT owner, ', ' ORDER BY owner) AS owner,
       count(*) AS letters, max(attempts) AS most_attempts, min(first_failed_at) AS first_failed_at,
       max(last_failed_at) AS last_failed_at
FROM dead_letter
WHERE state = :state
GROUP BY error_code, stage
ORDER BY letters DESC, error_code, stage;

-- name: list_letters(state, error_code, batch_id, most)
-- Single dead letters, the oldest first; without a code or a batch, of all of them.
SELECT dead_letter_id, batch_id, dievio_lead_id, raw_lead_id, stage, error_class, error_code, cause, suggested_repair,
       payload, attempts, owner, state, first_failed_at, last_failed_at, resolved_at, resolved_by, resolution
FROM dead_letter
WHERE state = :state AND (:error_code::text IS NULL OR error_code = :error_code)
  AND (:batch_id::text IS NULL OR batch_id = :batch_id)
ORDER BY first_failed_at, dead_letter_id
LIMIT :most;

-- name: get_letter(dead_letter_id)^
-- One dead letter with the last words of Salesforce.
SELECT d.dead_letter_id, d.batch_id, d.dievio_lead_id, d.raw_lead_id, d.stage, d.error_class, d.error_code, d.cause,
       d.suggested_repair, d.payload, d.attempts, d.owner, d.state, d.first_failed_at, d.last_failed_at, d.resolved_at,
       d.resolved_by, d.resolution,
       (SELECT w.result ->> 'message' FROM write_intent AS w
        WHERE w.dievio_lead_id = d.dievio_lead_id AND w.batch_id = d.batch_id AND w.state = 'refused'
        ORDER BY w.resolved_at DESC LIMIT 1) AS last_message
FROM dead_letter AS d
WHERE d.dead_letter_id = :dead_letter_id;

-- name: list_open(dead_letter_ids, error_code)
-- The open letters of a choice: those named, else those with a code, else all.
SELECT dead_letter_id, batch_id, dievio_lead_id, stage
FROM dead_letter
WHERE state = 'open'
  AND (:dead_letter_ids::bigint[] IS NULL OR dead_letter_id = ANY (:dead_letter_ids::bigint[]))
  AND (:error_code::text IS NULL OR error_code = :error_code)
ORDER BY dead_letter_id;

-- name: count_states(dead_letter_ids)
-- What became of some letters.
SELECT state, count(*) AS letters FROM dead_letter
WHERE dead_letter_id = ANY (:dead_letter_ids::bigint[])
GROUP BY state;

-- name: discard(dead_letter_ids, resolution, resolved_by, at)!
-- Give letters up for good; the rows stay dead letters, and the letters stay readable.
UPDATE dead_letter
SET state = 'discarded', resolved_at = :at, resolved_by = :resolved_by, resolution = :resolution
WHERE dead_letter_id = ANY (:dead_letter_ids::bigint[]) AND state = 'open';

-- name: assign(dead_letter_ids, owner)!
-- Give open letters to somebody else.
UPDATE dead_letter SET owner = :owner WHERE dead_letter_id = ANY (:dead_letter_ids::bigint[]) AND state = 'open';
