-- name: list_candidates(batch_id, after_raw_lead_id, row_limit)
-- The next leads without an outcome, as they were delivered, with what providers answered about them before and the
-- status of their record in the org.
SELECT l.raw_lead_id, l.segment, l.dievio_lead_id, l.is_weak_id, l.fetched_at,
       coalesce(l.delivered_values, l.field_values) AS field_values,
       coalesce(l.delivered_confidences, l.confidences) AS confidences,
       coalesce(l.delivered_flags, l.flags) AS flags,
       record.lead_status, memory.lookups, memory.fields
FROM lead AS l
LEFT JOIN LATERAL (
    SELECT r.fields ->> 'Status' AS lead_status
    FROM salesforce_link AS k
    JOIN directory_record AS r ON r.object_name = k.object_name AND r.salesforce_id = k.salesforce_id
    WHERE k.dievio_lead_id = l.dievio_lead_id
) AS record ON true
LEFT JOIN LATERAL (
    SELECT (SELECT jsonb_object_agg(a.provider, jsonb_build_array(a.answered_at, a.was_found))
            FROM enrichment_lookup AS a
            WHERE a.dievio_lead_id = l.dievio_lead_id AND a.answered_at IS NOT NULL) AS lookups,
           (SELECT jsonb_object_agg(f.field, f.newest_at)
            FROM (SELECT field, max(answered_at) AS newest_at FROM enrichment_finding
                  WHERE dievio_lead_id = l.dievio_lead_id GROUP BY field) AS f) AS fields
) AS memory ON true
WHERE l.batch_id = :batch_id
  AND l.duplicate_of_raw_lead_id IS NULL
  AND l.raw_lead_id > :after_raw_lead_id
  AND NOT EXISTS (SELECT FROM lead_outcome AS o WHERE o.batch_id = l.batch_id AND o.raw_lead_id = l.raw_lead_id)
ORDER BY l.raw_lead_id
LIMIT :row_limit;

-- name: list_needs(batch_id, reasons)
-- What the batch wanted of people when it first looked.
SELECT dievio_lead_id, missing, stale
FROM enrichment_request
WHERE batch_id = :batch_id AND reason = ANY (:reasons::text[]);

-- name: delete_open_requests(batch_id)!
-- Forget what was decided about people whose row has no outcome yet.
DELETE FROM enrichment_request AS q
WHERE q.batch_id = :batch_id
  AND NOT EXISTS (SELECT FROM lead AS l JOIN lead_outcome AS o USING (batch_id, raw_lead_id)
                  WHERE l.batch_id = q.batch_id AND l.dievio_lead_id = q.dievio_lead_id
                    AND l.duplicate_of_raw_lead_id IS NULL);

-- name: lock_budget()$
-- One worker at a time books enrichment calls: two that look at the same balance would both spend it.
SELECT pg_advisory_xact_lock(hashtextextended('enrichment_budget', 0));

-- name: refresh_statistics#
-- Tell the planner how large the answers have become: a plan made while the tables were empty would read them whole.
ANALYZE enrichment_lookup, enrichment_finding, credit_ledger;

-- name: sum_booked(since, until)
-- Credits of enrichment calls by segment that are settled, reserved or uncertain.
SELECT segment, sum(coalesce(settled_credits, reserved_credits))::integer AS credits,
       coalesce(sum(known_credits), 0)::integer AS known_credits,
       coalesce(sum(reserved_credits) FILTER (WHERE state = 'uncertain'), 0)::integer AS uncertain_credits
FROM credit_ledger
WHERE purpose = 'enrichment' AND state <> 'released' AND requested_at >= :since AND requested_at < :until
GROUP BY segment
ORDER BY segment;

-- name: book_call(call_id, batch_id, segment, provider, endpoint, reason, credits, budget, at)!
-- A paid call before it is made; it has been seen to fit the budget, under the lock.
INSERT INTO credit_ledger (call_id, batch_id, segment, endpoint, state, reserved_credits, budget_credits, requested_at,
                           purpose, provider, reason)
VALUES (:call_id, :batch_id, :segment, :endpoint, 'reserved', :credits, :budget, :at, 'enrichment', :provider, :reason);

-- name: claim_lookups(dievio_lead_ids, seen_at, provider, batch_id, call_id, most_lost_tries, in_flight_since, at)
-- Claim people for one call and return whom. Left alone is whoever another worker asks about at this moment or has got
-- an answer about meanwhile, and whose answer has been lost so often that it may not be bought again. An answer is
-- told from the one that was seen by its moment itself: clocks of two workers do not have to agree.
INSERT INTO enrichment_lookup AS k (dievio_lead_id, provider, batch_id, call_id, state, lost_tries, asked_at)
SELECT id, :provider, :batch_id, :call_id, 'asked', 0, :at
FROM unnest(:dievio_lead_ids::text[]) AS id
ON CONFLICT (dievio_lead_id, provider) DO UPDATE
SET batch_id = excluded.batch_id, call_id = excluded.call_id, state = 'asked', asked_at = excluded.asked_at,
    lost_tries = CASE WHEN k.state = 'asked' AND k.batch_id = excluded.batch_id THEN k.lost_tries + 1 ELSE 0 END
WHERE (k.answered_at IS NULL OR k.answered_at = (SELECT p.seen_at
                                                 FROM unnest(:dievio_lead_ids::text[], :seen_at::timestamptz[])
                                                      AS p (id, seen_at)
                                                 WHERE p.id = k.dievio_lead_id))
  AND NOT (k.state = 'asked' AND k.batch_id = excluded.batch_id AND k.lost_tries + 1 >= :most_lost_tries)
  AND NOT (k.state = 'asked' AND k.batch_id <> excluded.batch_id AND k.asked_at > :in_flight_since
           AND EXISTS (SELECT FROM credit_ledger AS c WHERE c.call_id = k.call_id AND c.state = 'reserved'))
RETURNING dievio_lead_id;

-- name: close_call(call_id, state, at)!
-- A call without an answer: uncertain when it may have been billed, released when it was certainly not.
UPDATE credit_ledger SET state = :state, settled_at = :at WHERE call_id = :call_id AND state = 'reserved';

-- name: release_lookups(call_id)!
-- Nothing was done about these people: they may be asked about again as if nothing had been.
UPDATE enrichment_lookup SET state = 'unanswered' WHERE call_id = :call_id AND state = 'asked';

-- name: settle_call(call_id, credits, known_credits, at)!
-- What an answered call cost, and how much of it told nothing new.
UPDATE credit_ledger
SET state = 'settled', settled_credits = :credits, known_credits = :known_credits, settled_at = :at
WHERE call_id = :call_id AND state = 'reserved';

-- name: add_answer(call_id, batch_id, provider, response_body, at)!
-- Keep a paid answer verbatim.
INSERT INTO enrichment_answer (call_id, batch_id, provider, response_body, received_at)
VALUES (:call_id, :batch_id, :provider, :response_body, :at);

-- name: settle_lookups(answers, call_id, provider, at)!
-- What the answer says about each person; whoever it did not reach keeps what was known before.
UPDATE enrichment_lookup AS k
SET state = a.state,
    answered_at = CASE WHEN a.state = 'unanswered' THEN k.answered_at ELSE :at END,
    was_found = CASE WHEN a.state = 'unanswered' THEN k.was_found ELSE a.state = 'found' END,
    observed_at = CASE WHEN a.state = 'unanswered' THEN k.observed_at ELSE a.observed_at END
FROM jsonb_to_recordset(:answers) AS a (dievio_lead_id text, state text, observed_at timestamptz)
WHERE k.dievio_lead_id = a.dievio_lead_id AND k.provider = :provider AND k.call_id = :call_id;

-- name: delete_findings(dievio_lead_ids, provider)!
-- A provider's newest answer about a person replaces its last one.
DELETE FROM enrichment_finding WHERE provider = :provider AND dievio_lead_id = ANY (:dievio_lead_ids::text[]);

-- name: list_findings(dievio_lead_ids)
-- What providers said about these people, and when.
SELECT f.dievio_lead_id, f.provider, f.field, f.value, f.share, f.origin, f.answered_at, k.observed_at
FROM enrichment_finding AS f
JOIN enrichment_lookup AS k USING (dievio_lead_id, provider)
WHERE f.dievio_lead_id = ANY (:dievio_lead_ids::text[])
ORDER BY f.dievio_lead_id, f.provider, f.field;

-- name: list_memory(dievio_lead_id)
-- When each provider last answered about a person, and whether it knew anything.
SELECT provider, answered_at, was_found
FROM enrichment_lookup
WHERE dievio_lead_id = :dievio_lead_id AND answered_at IS NOT NULL;

-- name: list_foreign_aliases(aliases)
-- Which of these addresses and profiles belong to somebody, and to whom.
SELECT i.alias_kind, i.alias, i.dievio_lead_id
FROM jsonb_to_recordset(:aliases) AS a (alias_kind text, alias text)
JOIN lead_identity AS i ON i.alias_kind = a.alias_kind AND i.alias = a.alias;

-- name: mark_lost_calls(batch_id, at)!
-- Calls of this batch whose process died before the answer was kept: they may have been billed.
UPDATE credit_ledger SET state = 'uncertain', settled_at = :at
WHERE batch_id = :batch_id AND state = 'reserved' AND purpose = 'enrichment';

-- name: set_request_states(states, batch_id)!
-- How far the people of a batch have come.
UPDATE enrichment_request AS q SET state = s.state
FROM jsonb_to_recordset(:states) AS s (dievio_lead_id text, state text)
WHERE q.batch_id = :batch_id AND q.dievio_lead_id = s.dievio_lead_id;

-- name: create_lead_stage#
-- Leads as enrichment leaves them, on their way into the table.
CREATE TEMPORARY TABLE enriched_stage (
    raw_lead_id bigint PRIMARY KEY, field_values jsonb, confidences jsonb, flags text[], em text, li text, dm text,
    fn text, ln text, co text, ti text, ph text, pe text, st text
) ON COMMIT DROP;

-- name: update_leads(batch_id)!
-- Take enriched values over. Keys are added, never exchanged: a record that the old address finds must still be found.
UPDATE lead AS l
SET delivered_values = coalesce(l.delivered_values, l.field_values),
    delivered_confidences = coalesce(l.delivered_confidences, l.confidences),
    delivered_flags = coalesce(l.delivered_flags, l.flags),
    field_values = s.field_values, confidences = s.confidences, flags = s.flags,
    em = coalesce(l.em, s.em), li = coalesce(l.li, s.li), dm = coalesce(l.dm, s.dm), fn = coalesce(l.fn, s.fn),
    ln = coalesce(l.ln, s.ln), co = coalesce(l.co, s.co), ti = coalesce(l.ti, s.ti), ph = coalesce(l.ph, s.ph)
FROM enriched_stage AS s
WHERE l.batch_id = :batch_id AND l.raw_lead_id = s.raw_lead_id;

-- name: delete_results(batch_id, dievio_lead_ids)!
-- Merging again replaces what merging said before.
DELETE FROM enrichment_result WHERE batch_id = :batch_id AND dievio_lead_id = ANY (:dievio_lead_ids::text[]);

-- name: park(people, provider, batch_id, cause, first_wait_seconds, max_attempts, at)!
-- Put people into the retry queue; each further failure doubles the wait, until they are given up.
INSERT INTO enrichment_retry AS r (dievio_lead_id, provider, batch_id, segment, cause, attempts, state, first_failed_at,
                                   last_failed_at, next_attempt_at)
SELECT p.dievio_lead_id, :provider, :batch_id, p.segment, :cause, 1, 'waiting', :at, :at,
       :at::timestamptz + make_interval(secs => :first_wait_seconds)
FROM jsonb_to_recordset(:people) AS p (dievio_lead_id text, segment text)
ON CONFLICT (dievio_lead_id, provider) DO UPDATE
SET batch_id = excluded.batch_id, cause = excluded.cause, last_failed_at = excluded.last_failed_at,
    attempts = CASE WHEN r.state = 'done' THEN 1 ELSE r.attempts + 1 END,
    first_failed_at = CASE WHEN r.state = 'done' THEN excluded.first_failed_at ELSE r.first_failed_at END,
    state = CASE WHEN r.state <> 'done' AND r.attempts + 1 >= :max_attempts THEN 'given_up' ELSE 'waiting' END,
    next_attempt_at = excluded.last_failed_at
        + make_interval(secs => :first_wait_seconds * 2 ^ CASE WHEN r.state = 'done' THEN 0 ELSE r.attempts END);

-- name: unpark(dievio_lead_ids, provider)!
-- These people were answered about after all.
UPDATE enrichment_retry SET state = 'done'
WHERE provider = :provider AND dievio_lead_id = ANY (:dievio_lead_ids::text[]) AND state = 'waiting';

-- name: raise_alert(batch_id, kind, subject, message, at)!
-- Remember what operations should hear; the newest words count.
INSERT INTO enrichment_alert (batch_id, kind, subject, message, raised_at)
VALUES (:batch_id, :kind, :subject, :message, :at)
ON CONFLICT (batch_id, kind, subject) DO UPDATE SET message = excluded.message, raised_at = excluded.raised_at;

-- name: delete_alerts(batch_id)!
-- A new run says anew what is wrong.
DELETE FROM enrichment_alert WHERE batch_id = :batch_id;

-- name: list_alerts(batch_id)
-- What operations should hear about a batch.
SELECT kind, subject, message FROM enrichment_alert WHERE batch_id = :batch_id ORDER BY kind, subject;

-- name: count_requests(batch_id)
-- Why the people of a batch are, or are not, looked up, and how far they have come.
SELECT choice, reason, detail, state, count(*)::integer AS people
FROM enrichment_request
WHERE batch_id = :batch_id
GROUP BY choice, reason, detail, state
ORDER BY choice, reason, detail, state;

-- name: count_results(batch_id)
-- What became of the findings of a batch, by field.
SELECT field, verdict, count(*)::integer AS findings
FROM enrichment_result
WHERE batch_id = :batch_id
GROUP BY field, verdict
ORDER BY field, verdict;

-- name: list_days(batch_id)
-- The UTC days on which a batch asked.
SELECT DISTINCT (requested_at AT TIME ZONE 'UTC')::date AS day
FROM credit_ledger
WHERE batch_id = :batch_id AND purpose = 'enrichment'
ORDER BY day;

-- name: list_unsure_results(batch_id, most)
-- People with a value that counts as fact below the confidence demanded of it, or as unverified above it.
SELECT DISTINCT dievio_lead_id
FROM enrichment_result
WHERE batch_id = :batch_id
  AND ((verdict IN ('filled', 'replaced') AND share < required_share)
       OR (verdict = 'unverified' AND share >= required_share))
ORDER BY dievio_lead_id
LIMIT :most;

-- name: list_unmarked_leads(batch_id, most)
-- People whose lead carries an unverified value of enrichment without the mark that keeps it from being written.
SELECT r.dievio_lead_id
FROM enrichment_result AS r
JOIN lead AS l ON l.batch_id = r.batch_id AND l.dievio_lead_id = r.dievio_lead_id
              AND l.duplicate_of_raw_lead_id IS NULL
WHERE r.batch_id = :batch_id AND r.verdict = 'unverified'
  AND l.delivered_values IS NOT NULL AND NOT l.delivered_values ? r.field AND l.field_values ? r.field
  AND NOT ('unverified_' || r.field) = ANY (l.flags)
ORDER BY r.dievio_lead_id
LIMIT :most;

-- name: count_all_results(batch_id)$
-- Findings of a batch.
SELECT count(*)::integer FROM enrichment_result WHERE batch_id = :batch_id;

-- name: list_undisturbed(batch_id)
-- People to look up by how far they have come.
SELECT state, count(*)::integer AS people
FROM enrichment_request
WHERE batch_id = :batch_id AND choice = 'ask'
GROUP BY state;
