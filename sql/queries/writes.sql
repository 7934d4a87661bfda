-- name: insert_intents(intents, sent_at)
-- Commit writes before any byte of them leaves; a lead or person with an open write is left out: that is the fence.
INSERT INTO write_intent (op_id, batch_id, run_id, dievio_lead_id, raw_lead_id, person_key, purpose, kind, object_name,
                          salesforce_id, payload, payload_sha256, before, base_last_modified_at, mapping_version,
                          reason_code, attempt, state, bulk_job_id, sent_at)
SELECT op_id, batch_id, run_id, dievio_lead_id, raw_lead_id, person_key, purpose, kind, object_name,
       salesforce_id, payload, payload_sha256, before, base_last_modified_at, mapping_version,
       reason_code, attempt, 'sent', bulk_job_id, :sent_at
FROM jsonb_to_recordset(:intents) AS i (
    op_id uuid, batch_id text, run_id text, dievio_lead_id text, raw_lead_id bigint, person_key text, purpose text,
    kind text, object_name text, salesforce_id text, payload jsonb, payload_sha256 text, before jsonb,
    base_last_modified_at timestamptz, mapping_version text, reason_code text, attempt integer, bulk_job_id text)
ON CONFLICT DO NOTHING
RETURNING op_id;

-- name: lock_creations(name)$
-- Lets one batch at a time commit that it makes records: every other creation is then either committed or not begun.
SELECT pg_advisory_xact_lock(hashtext(:name));

-- name: list_twins(intents, seen_at, given_up_since)
-- Creations that may not leave now: another lead that shares a key is being created, was created since the org was
-- read, or was given up so lately that it may still land.
WITH going AS MATERIALIZED (
    SELECT batch_id, raw_lead_id, dievio_lead_id FROM write_intent
    WHERE kind = 'insert' AND state IN ('sent', 'unknown')
    UNION ALL
    SELECT batch_id, raw_lead_id, dievio_lead_id FROM write_intent
    WHERE kind = 'insert' AND state = 'applied' AND resolved_at >= :seen_at
    UNION ALL
    SELECT batch_id, raw_lead_id, dievio_lead_id FROM write_intent
    WHERE kind = 'insert' AND state = 'void' AND sent_at >= :given_up_since
),
coming AS (
    SELECT op_id, batch_id, raw_lead_id, dievio_lead_id
    FROM jsonb_to_recordset(:intents) AS i (
        op_id uuid, batch_id text, raw_lead_id bigint, dievio_lead_id text, kind text)
    WHERE kind = 'insert'
),
going_key AS (
    SELECT g.dievio_lead_id, k.value
    FROM going AS g
    JOIN lead AS l USING (batch_id, raw_lead_id)
    CROSS JOIN LATERAL (VALUES ('em|' || l.em), ('li|' || l.li), ('dm|' || l.fn || '|' || l.ln || '|' || l.dm),
                               ('co|' || l.fn || '|' || l.ln || '|' || l.co),
                               ('ph|' || l.fn || '|' || l.ln || '|' || l.ph),
                               ('pe|' || l.fn || '|' || l.ln || '|' || l.pe),
                               ('st|' || l.fn || '|' || l.ln || '|' || l.st)) AS k (value)
),
coming_key AS (
    SELECT c.op_id, c.dievio_lead_id, k.value
    FROM coming AS c
    JOIN lead AS l USING (batch_id, raw_lead_id)
    CROSS JOIN LATERAL (VALUES ('em|' || l.em), ('li|' || l.li), ('dm|' || l.fn || '|' || l.ln || '|' || l.dm),
                               ('co|' || l.fn || '|' || l.ln || '|' || l.co),
                               ('ph|' || l.fn || '|' || l.ln || '|' || l.ph),
                               ('pe|' || l.fn || '|' || l.ln || '|' || l.pe),
                               ('st|' || l.fn || '|' || l.ln || '|' || l.st)) AS k (value)
)
SELECT DISTINCT c.op_id
FROM coming_key AS c
JOIN going_key AS g ON g.value = c.value
WHERE g.dievio_lead_id <> c.dievio_lead_id;

-- name: list_overtaken(intents, seen_at, given_up_since)
-- Updates that may not leave without a condition: another write of ours to their record is open, was carried out since
-- the org was read, or was given up so lately that it may still land. The row of a job cannot: it is held for void only
-- once its job is over or can no longer begin.
SELECT DISTINCT i.op_id
FROM jsonb_to_recordset(:intents) AS i (op_id uuid, salesforce_id text)
JOIN write_intent AS w ON w.salesforce_id = i.salesforce_id
WHERE w.state IN ('sent', 'unknown')
   OR (w.state = 'applied' AND w.resolved_at >= :seen_at)
   OR (w.state = 'void' AND w.bulk_job_id IS NULL AND w.sent_at >= :given_up_since);

-- name: list_open_intents(batch_id, at, after, most)
-- Writes whose end nobody knows: those of the batch itself, which the caller has leased, and orphans of batches that
-- nobody works on any more.
SELECT w.op_id, w.batch_id, w.run_id, w.dievio_lead_id, w.raw_lead_id, w.person_key, w.purpose, w.kind, w.object_name,
       w.salesforce_id, w.payload, w.before, w.base_last_modified_at, w.mapping_version, w.reason_code, w.attempt,
       w.state, w.bulk_job_id, w.error_code
FROM write_intent AS w
WHERE w.state IN ('sent', 'unknown')
  AND w.op_id > :after
  AND (w.batch_id = :batch_id
       OR NOT EXISTS (SELECT FROM lease AS l WHERE l.name = 'batch:' || w.batch_id AND l.expires_at > :at))
ORDER BY w.op_id
LIMIT :most;

-- name: list_late_landings(since)
-- Writes held for void whose receipt stands on a record after all: they landed after the reading.
SELECT w.op_id, w.batch_id, w.run_id, w.dievio_lead_id, w.raw_lead_id, w.person_key, w.purpose, w.kind, w.object_name,
       r.salesforce_id, w.payload, w.before, w.base_last_modified_at, w.mapping_version, w.reason_code, w.attempt,
       w.state, w.bulk_job_id, w.error_code
FROM write_intent AS w
JOIN directory_record AS r ON r.dievio_lead_id = w.dievio_lead_id AND r.object_name = w.object_name
WHERE w.state = 'void' AND w.sent_at >= :since AND r.fields ->> 'Dievio_Last_Op__c' = w.op_id::text;

-- name: list_void_intents(batch_id, dievio_lead_ids, purpose)
-- Writes of some leads that were held for void: their own records tell whether one landed after that.
SELECT w.op_id, w.batch_id, w.run_id, w.dievio_lead_id, w.raw_lead_id, w.person_key, w.purpose, w.kind, w.object_name,
       w.salesforce_id, w.payload, w.before, w.base_last_modified_at, w.mapping_version, w.reason_code, w.attempt,
       w.state, w.bulk_job_id, w.error_code
FROM write_intent AS w
WHERE w.batch_id = :batch_id AND w.dievio_lead_id = ANY(:dievio_lead_ids) AND w.purpose = :purpose AND w.state = 'void'
ORDER BY w.op_id;

-- name: list_void_receipts(op_ids)
-- Writes that were held for void, by the receipts that a reading found on records.
SELECT w.op_id, w.batch_id, w.run_id, w.dievio_lead_id, w.raw_lead_id, w.person_key, w.purpose, w.kind, w.object_name,
       w.salesforce_id, w.payload, w.before, w.base_last_modified_at, w.mapping_version, w.reason_code, w.attempt,
       w.state, w.bulk_job_id, w.error_code
FROM write_intent AS w
WHERE w.op_id = ANY(:op_ids) AND w.state = 'void'
ORDER BY w.op_id;

-- name: settle_intents(settlements, at)!
-- Note the end of writes; `unknown` keeps them open.
UPDATE write_intent AS w
SET state = s.state,
    salesforce_id = coalesce(s.salesforce_id, w.salesforce_id),
    resolved_at = CASE WHEN s.state = 'unknown' THEN NULL ELSE :at END,
    error_code = s.error_code,
    result = s.answer
FROM jsonb_to_recordset(:settlements) AS s (
    op_id uuid, state text, salesforce_id text, error_code text, answer jsonb)
WHERE w.op_id = s.op_id AND (w.state IN ('sent', 'unknown') OR (w.state = 'void' AND s.state = 'applied'));

-- name: insert_outcomes(settlements, at)!
-- Where leads ended. Written once; a row that is worked on again gets its new end in place of the old one, but one that
-- has a write to show keeps it when nothing was written this time.
WITH ended AS (
    SELECT w.batch_id, w.raw_lead_id, w.dievio_lead_id, s.outcome, coalesce(s.reason_code, w.reason_code) AS reason_code,
           w.object_name, w.salesforce_id, w.op_id,
           o.outcome IN ('created', 'updated') AND s.outcome NOT IN ('created', 'updated') AS is_kept
    FROM jsonb_to_recordset(:settlements) AS s (op_id uuid, outcome text, reason_code text)
    JOIN write_intent AS w USING (op_id)
    LEFT JOIN lead_outcome AS o ON o.batch_id = w.batch_id AND o.raw_lead_id = w.raw_lead_id
                               AND o.reopened_at IS NOT NULL
    WHERE s.outcome IS NOT NULL AND w.raw_lead_id IS NOT NULL
),
kept AS (
    UPDATE lead_outcome AS o
    SET reopened_at = NULL
    FROM ended AS e
    WHERE e.is_kept AND o.batch_id = e.batch_id AND o.raw_lead_id = e.raw_lead_id
)
INSERT INTO lead_outcome (batch_id, raw_lead_id, dievio_lead_id, outcome, reason_code, object_name, salesforce_id, op_id,
                          settled_at)
SELECT batch_id, raw_lead_id, dievio_lead_id, outcome, reason_code, object_name, salesforce_id, op_id, :at
FROM ended
WHERE is_kept IS NOT TRUE
ON CONFLICT (batch_id, raw_lead_id) DO UPDATE
SET outcome = excluded.outcome, reason_code = excluded.reason_code, object_name = excluded.object_name,
    salesforce_id = excluded.salesforce_id, op_id = excluded.op_id, settled_at = excluded.settled_at, reopened_at = NULL
WHERE lead_outcome.reopened_at IS NOT NULL;

-- name: insert_log_entries(settlements, actor, at)!
-- One entry per write that ended just now; one that had ended before has its entry already.
INSERT INTO sync_log (logged_at, batch_id, run_id, dievio_lead_id, operation, object_name, salesforce_id, op_id,
                      payload_sha256, mapping_version, fields_changed, actor, request_id, answer, outcome, error_code)
SELECT :at, w.batch_id, w.run_id, w.dievio_lead_id, s.operation, w.object_name, w.salesforce_id, w.op_id,
       w.payload_sha256, w.mapping_version,
       coalesce((SELECT jsonb_agg(jsonb_build_object('field', f.key, 'before', w.before -> f.key, 'after', f.value)
                                  ORDER BY f.key)
                 FROM jsonb_each(w.payload) AS f WHERE f.key <> 'Dievio_Last_Op__c'), '[]'),
       :actor, s.answer ->> 'request_id', s.answer, s.state, nullif(s.error_code, '')
FROM jsonb_to_recordset(:settlements) AS s (op_id uuid, state text, operation text, error_code text, answer jsonb)
JOIN write_intent AS w USING (op_id)
WHERE w.state = s.state AND w.resolved_at = :at
ON CONFLICT (op_id, outcome, logged_at) DO NOTHING;

-- name: insert_links(settlements, at)!
-- Which record a lead is written to; a link never moves.
INSERT INTO salesforce_link (dievio_lead_id, object_name, salesforce_id, op_id, linked_at)
SELECT w.dievio_lead_id, w.object_name, w.salesforce_id, w.op_id, :at
FROM jsonb_to_recordset(:settlements) AS s (op_id uuid, state text)
JOIN write_intent AS w USING (op_id)
WHERE s.state = 'applied' AND w.salesforce_id IS NOT NULL
ON CONFLICT (dievio_lead_id) DO NOTHING;

-- name: upsert_field_values(settlements, at)!
-- The last value we wrote, per record and field. What a revert puts back is ours only if we had written that before;
-- otherwise it is a person's value again, and forgotten here.
WITH written AS (
    SELECT w.salesforce_id, f.key AS field, f.value, w.op_id,
           w.purpose <> 'revert'
           OR EXISTS (SELECT FROM write_intent AS e
                      WHERE e.dievio_lead_id = w.dievio_lead_id AND e.salesforce_id = w.salesforce_id
                        AND e.state = 'applied' AND e.purpose <> 'revert' AND e.payload -> f.key = f.value) AS is_ours
    FROM jsonb_to_recordset(:settlements) AS s (op_id uuid, state text)
    JOIN write_intent AS w USING (op_id)
    CROSS JOIN LATERAL jsonb_each(w.payload) AS f
    WHERE s.state = 'applied' AND w.salesforce_id IS NOT NULL AND f.key <> 'Dievio_Last_Op__c'
),
forgotten AS (
    DELETE FROM field_value AS v USING written AS n
    WHERE NOT n.is_ours AND v.salesforce_id = n.salesforce_id AND v.field = n.field
)
INSERT INTO field_value (salesforce_id, field, value, op_id, written_at)
SELECT salesforce_id, field, value, op_id, :at
FROM written
WHERE is_ours
ON CONFLICT (salesforce_id, field) DO UPDATE
SET value = excluded.value, op_id = excluded.op_id, written_at = excluded.written_at;

-- name: insert_review_items(settlements, at)!
-- Questions that refused writes leave for a person.
INSERT INTO review_item (batch_id, dievio_lead_id, raw_lead_id, reason, question, candidates, proposal, owner, state,
                         opened_at)
SELECT w.batch_id, w.dievio_lead_id, w.raw_lead_id, s.reason_code, s.question, s.candidates,
       w.payload - 'Dievio_Last_Op__c', owner_of(s.reason_code, s.owner), 'open', :at
FROM jsonb_to_recordset(:settlements) AS s (
    op_id uuid, outcome text, reason_code text, question text, candidates jsonb, owner text)
JOIN write_intent AS w USING (op_id)
WHERE s.outcome = 'review' AND w.raw_lead_id IS NOT NULL
ON CONFLICT (dievio_lead_id, reason) WHERE state = 'open' DO NOTHING;

-- name: insert_dead_letters(settlements, at)!
-- Writes given up, with everything needed to try them again; one letter per lead, however often it is tried. A letter
-- whose row ended otherwise this time is closed.
WITH ended AS (
    SELECT w.*, s.is_dead_letter, s.error_class, s.error_code AS last_code, s.cause, s.repair, s.owner,
           coalesce(s.outcome, s.hand_over_state) AS ended_as,
           CASE WHEN w.purpose IN ('review', 'replay') THEN 'sync' ELSE w.purpose END AS stage
    FROM jsonb_to_recordset(:settlements) AS s (
        op_id uuid, is_dead_letter boolean, error_class text, error_code text, cause text, repair text, owner text,
        outcome text, hand_over_state text)
    JOIN write_intent AS w USING (op_id)
    WHERE w.raw_lead_id IS NOT NULL
),
closed AS (
    UPDATE dead_letter AS d
    SET state = 'replayed', resolved_at = :at, resolved_by = e.run_id, resolution = e.ended_as
    FROM ended AS e
    WHERE e.ended_as IS NOT NULL AND NOT e.is_dead_letter
      AND d.state = 'open' AND d.dievio_lead_id = e.dievio_lead_id AND d.stage = e.stage
      AND d.raw_lead_id = e.raw_lead_id
)
INSERT INTO dead_letter (batch_id, dievio_lead_id, raw_lead_id, stage, error_class, error_code, cause, suggested_repair,
                         payload, payload_sha256, attempts, owner, state, first_failed_at, last_failed_at)
SELECT batch_id, dievio_lead_id, raw_lead_id, stage, error_class, last_code, cause, repair, payload, payload_sha256,
       attempt, owner_of(last_code, owner), 'open', sent_at, :at
FROM ended
WHERE is_dead_letter
ON CONFLICT (dievio_lead_id, stage) WHERE state = 'open' DO UPDATE
SET batch_id = excluded.batch_id, raw_lead_id = excluded.raw_lead_id, error_class = excluded.error_class,
    error_code = excluded.error_code, cause = excluded.cause, suggested_repair = excluded.suggested_repair,
    payload = excluded.payload, payload_sha256 = excluded.payload_sha256,
    attempts = dead_letter.attempts + excluded.attempts, owner = excluded.owner,
    last_failed_at = excluded.last_failed_at;

-- name: settle_hand_overs(settlements, at)!
-- How the assignment of owners ended: with the owner whom the org took, and not otherwise once it was carried out.
UPDATE handover AS h
SET state = s.hand_over_state,
    op_id = s.op_id,
    to_owner_id = CASE s.hand_over_state WHEN 'done' THEN w.payload ->> 'OwnerId' ELSE h.to_owner_id END,
    reason = CASE s.hand_over_state WHEN 'kept' THEN 'a person chose an owner first' ELSE coalesce(s.cause, h.reason) END,
    handed_over_at = CASE s.hand_over_state WHEN 'done' THEN :at END
FROM jsonb_to_recordset(:settlements) AS s (op_id uuid, hand_over_state text, cause text)
JOIN write_intent AS w USING (op_id)
WHERE s.hand_over_state IS NOT NULL AND h.batch_id = w.batch_id AND h.dievio_lead_id = w.dievio_lead_id
  AND (h.state <> 'done' OR s.hand_over_state = 'done');

-- name: list_work(batch_id)
-- Leads that are to be created or updated and have neither an outcome nor an open write. A plan that does not know the
-- last write to its record waits until it is made anew: it may hold an older row for the fresher one.
SELECT d.dievio_lead_id, d.decision, d.object_name, d.salesforce_id, d.base_last_modified_at,
       l.em, l.li, l.fn, l.ln, l.dm, l.co, l.ph, l.pe, l.st
FROM due_decision AS d
JOIN lead AS l ON l.batch_id = d.batch_id AND l.raw_lead_id = d.raw_lead_id
WHERE d.batch_id = :batch_id AND d.decision IN ('create', 'update')
  AND NOT EXISTS (SELECT FROM settled_outcome AS o WHERE o.batch_id = d.batch_id AND o.raw_lead_id = d.raw_lead_id)
  AND NOT EXISTS (SELECT FROM write_intent AS w
                  WHERE w.dievio_lead_id = d.dievio_lead_id AND w.state IN ('sent', 'unknown'))
  AND NOT EXISTS (SELECT FROM field_value AS v
                  WHERE v.salesforce_id = d.salesforce_id AND v.written_at >= d.planned_at)
ORDER BY d.raw_lead_id;

-- name: list_decisions(batch_id, dievio_lead_ids)
-- Whole decisions of some leads, with what the target's external id is now and how often Salesforce refused the lead.
SELECT d.batch_id, d.dievio_lead_id, d.raw_lead_id, d.decision, d.object_name, d.salesforce_id, d.reason_code, d.reason,
       d.fields, d.mapping_version, d.base_last_modified_at, r.dievio_lead_id AS record_lead_id,
       (SELECT count(*) FROM write_intent AS w
        WHERE w.dievio_lead_id = d.dievio_lead_id AND w.batch_id = d.batch_id
          AND w.purpose IN ('sync', 'review', 'replay') AND w.state = 'refused'
          AND w.sent_at >= coalesce(o.reopened_at, '-infinity')) AS refusal_count
FROM sync_decision AS d
LEFT JOIN directory_record AS r ON r.object_name = d.object_name AND r.salesforce_id = d.salesforce_id
LEFT JOIN lead_outcome AS o ON o.batch_id = d.batch_id AND o.raw_lead_id = d.raw_lead_id
WHERE d.batch_id = :batch_id AND d.dievio_lead_id = ANY(:dievio_lead_ids)
ORDER BY d.raw_lead_id;

-- name: list_stale_leads(batch_id)
-- Leads whose plan rests on what is no longer as the plan saw it: the target changed, was converted or deleted, or was
-- written by us since, a record shares a key with the lead that was no candidate when it was matched, a colleague was
-- made since, or the org describes the object in another way.
WITH pending AS MATERIALIZED (
    SELECT d.batch_id, d.dievio_lead_id, d.decision, d.object_name, d.salesforce_id, d.base_last_modified_at,
           d.planned_at, l.em, l.li, l.fn, l.ln, l.dm, l.co, l.ph, l.pe, l.st
    FROM due_decision AS d
    JOIN lead AS l ON l.batch_id = d.batch_id AND l.raw_lead_id = d.raw_lead_id
    WHERE d.batch_id = :batch_id
      AND NOT EXISTS (SELECT FROM settled_outcome AS o
                      WHERE o.batch_id = d.batch_id AND o.raw_lead_id = d.raw_lead_id)
),
sharing AS (
    SELECT p.dievio_lead_id, r.salesforce_id FROM pending AS p JOIN directory_record AS r
        ON r.dievio_lead_id = p.dievio_lead_id
    UNION
    SELECT p.dievio_lead_id, r.salesforce_id FROM pending AS p JOIN directory_record AS r
        ON r.em = p.em AND NOT r.is_deleted AND NOT r.is_converted
    UNION
    SELECT p.dievio_lead_id, r.salesforce_id FROM pending AS p JOIN directory_record AS r
        ON r.li = p.li AND NOT r.is_deleted AND NOT r.is_converted
    UNION
    SELECT p.dievio_lead_id, r.salesforce_id FROM pending AS p JOIN directory_record AS r
        ON r.ln = p.ln AND r.dm = p.dm AND r.fn = p.fn AND NOT r.is_deleted AND NOT r.is_converted
    UNION
    SELECT p.dievio_lead_id, r.salesforce_id FROM pending AS p JOIN directory_record AS r
        ON r.ln = p.ln AND r.co = p.co AND r.fn = p.fn AND NOT r.is_deleted AND NOT r.is_converted
    UNION
    SELECT p.dievio_lead_id, r.salesforce_id FROM pending AS p JOIN directory_record AS r
        ON r.fn = p.fn AND r.ln = p.ln AND (r.ph = p.ph OR r.pe = p.pe OR r.st = p.st)
       AND NOT r.is_deleted AND NOT r.is_converted
),
-- Leads of the batch that became records: similar names of their companies were never compared with them.
made AS MATERIALIZED (
    SELECT l.dm, l.co, max(w.resolved_at) AS made_at
    FROM write_intent AS w
    JOIN lead AS l ON l.batch_id = w.batch_id AND l.raw_lead_id = w.raw_lead_id
    WHERE w.batch_id = :batch_id AND w.kind = 'insert' AND w.state = 'applied'
    GROUP BY l.dm, l.co
),
colleague AS (
    SELECT p.dievio_lead_id, m.made_at FROM pending AS p JOIN made AS m ON m.dm = p.dm WHERE p.decision = 'create'
    UNION ALL
    SELECT p.dievio_lead_id, m.made_at FROM pending AS p JOIN made AS m ON m.co = p.co WHERE p.decision = 'create'
)
SELECT p.dievio_lead_id
FROM pending AS p
JOIN directory_record AS r ON r.object_name = p.object_name AND r.salesforce_id = p.salesforce_id
WHERE (p.base_last_modified_at IS NOT NULL AND r.last_modified_at IS DISTINCT FROM p.base_last_modified_at)
   OR (p.decision = 'update' AND (r.is_deleted OR r.is_converted))
   -- the mirror may have seen a write of ours before its end was known, so that neither date nor values tell
   OR EXISTS (SELECT FROM field_value AS v WHERE v.salesforce_id = p.salesforce_id AND v.written_at >= p.planned_at)
   -- an edit within the second of an earlier one leaves LastModifiedDate as it was: only the values tell
   OR EXISTS (SELECT FROM sync_decision AS d CROSS JOIN LATERAL jsonb_array_elements(d.fields) AS f
              WHERE d.batch_id = p.batch_id AND d.dievio_lead_id = p.dievio_lead_id
                AND f -> 'before' IS DISTINCT FROM coalesce(r.fields -> (f ->> 'field'), 'null'))
UNION
SELECT p.dievio_lead_id
FROM pending AS p
JOIN org_schema AS o ON o.object_name = p.object_name AND o.current_since > p.planned_at
UNION
SELECT s.dievio_lead_id
FROM sharing AS s
WHERE NOT EXISTS (SELECT FROM match_candidate AS c
                  WHERE c.batch_id = :batch_id AND c.dievio_lead_id = s.dievio_lead_id
                    AND c.salesforce_id = s.salesforce_id)
  AND NOT EXISTS (SELECT FROM pair_memory AS m
                  WHERE m.dievio_lead_id = s.dievio_lead_id AND m.salesforce_id = s.salesforce_id
                    AND m.answer = 'not_same')
  AND NOT EXISTS (SELECT FROM pending AS p
                  WHERE p.dievio_lead_id = s.dievio_lead_id AND p.salesforce_id = s.salesforce_id)
UNION
SELECT c.dievio_lead_id
FROM colleague AS c
JOIN match_result AS m ON m.batch_id = :batch_id AND m.dievio_lead_id = c.dievio_lead_id
WHERE c.made_at > m.matched_at
ORDER BY 1;

-- name: settle_duplicates(batch_id, at)!
-- Further copies of a person within the batch end as skipped.
INSERT INTO lead_outcome (batch_id, raw_lead_id, dievio_lead_id, outcome, reason_code, settled_at)
SELECT batch_id, raw_lead_id, dievio_lead_id, 'skipped', 'duplicate_in_batch', :at
FROM lead
WHERE batch_id = :batch_id AND duplicate_of_raw_lead_id IS NOT NULL
ON CONFLICT (batch_id, raw_lead_id) DO NOTHING;

-- name: settle_quarantine(batch_id, at)!
-- Rows that break the contract end in quarantine.
INSERT INTO lead_outcome (batch_id, raw_lead_id, outcome, reason_code, settled_at)
SELECT batch_id, raw_lead_id, 'quarantine', coalesce(reasons -> 0 ->> 'code', 'contract'), :at
FROM quarantine
WHERE batch_id = :batch_id
ON CONFLICT (batch_id, raw_lead_id) DO NOTHING;

-- name: settle_plans_without_write(batch_id, run_id, actor, payload_sha256, owner, at)^
-- Leads that the plan skips or asks about: outcome, log entry and question in one statement.
WITH ended AS (
    SELECT d.batch_id, d.raw_lead_id, d.dievio_lead_id, d.reason_code, d.object_name, d.salesforce_id,
           CASE d.decision WHEN 'skip' THEN 'skipped' ELSE 'review' END AS outcome,
           o.outcome IN ('created', 'updated') AS is_kept
    FROM due_decision AS d
    LEFT JOIN lead_outcome AS o ON o.batch_id = d.batch_id AND o.raw_lead_id = d.raw_lead_id
    WHERE d.batch_id = :batch_id AND d.decision IN ('skip', 'review')
      AND (o.raw_lead_id IS NULL OR o.reopened_at IS NOT NULL)
),
kept AS (
    -- worked on again without a write: what the row has to show stands
    UPDATE lead_outcome AS o
    SET reopened_at = NULL
    FROM ended AS e
    WHERE e.is_kept AND o.batch_id = e.batch_id AND o.raw_lead_id = e.raw_lead_id
    RETURNING e.batch_id, e.raw_lead_id, e.dievio_lead_id, e.outcome
),
settled AS (
    INSERT INTO lead_outcome (batch_id, raw_lead_id, dievio_lead_id, outcome, reason_code, object_name, salesforce_id,
                              settled_at)
    SELECT batch_id, raw_lead_id, dievio_lead_id, outcome, reason_code, object_name, salesforce_id, :at
    FROM ended
    WHERE is_kept IS NOT TRUE
    ON CONFLICT (batch_id, raw_lead_id) DO UPDATE
    SET outcome = excluded.outcome, reason_code = excluded.reason_code, object_name = excluded.object_name,
        salesforce_id = excluded.salesforce_id, op_id = NULL, settled_at = excluded.settled_at, reopened_at = NULL
    WHERE lead_outcome.reopened_at IS NOT NULL
    RETURNING batch_id, raw_lead_id, dievio_lead_id, outcome
),
decided AS (
    SELECT * FROM settled UNION ALL SELECT * FROM kept
),
closed AS (
    UPDATE dead_letter AS d
    SET state = 'replayed', resolved_at = :at, resolved_by = :run_id, resolution = s.outcome
    FROM settled AS s
    WHERE d.state = 'open' AND d.stage = 'sync' AND d.dievio_lead_id = s.dievio_lead_id AND d.raw_lead_id = s.raw_lead_id
),
logged AS (
    INSERT INTO sync_log (logged_at, batch_id, run_id, dievio_lead_id, operation, object_name, salesforce_id,
                          payload_sha256, mapping_version, fields_changed, actor, outcome)
    SELECT :at, d.batch_id, :run_id, d.dievio_lead_id, d.decision, d.object_name, d.salesforce_id, :payload_sha256,
           d.mapping_version, '[]', :actor, s.outcome
    FROM decided AS s JOIN sync_decision AS d USING (batch_id, dievio_lead_id)
),
asked AS (
    INSERT INTO review_item (batch_id, dievio_lead_id, raw_lead_id, reason, question, candidates, proposal, owner,
                             state, opened_at)
    SELECT d.batch_id, d.dievio_lead_id, d.raw_lead_id, d.reason_code, d.reason,
           coalesce((SELECT jsonb_agg(jsonb_build_object('object_name', c.object_name, 'salesforce_id', c.salesforce_id,
                                                         'rule', c.rule, 'score', c.score)
                                      ORDER BY c.salesforce_id, c.rule)
                     FROM match_candidate AS c
                     WHERE c.batch_id = d.batch_id AND c.dievio_lead_id = d.dievio_lead_id), '[]'),
           coalesce((SELECT jsonb_object_agg(f ->> 'field', f -> 'after')
                     FROM jsonb_array_elements(d.fields) AS f
                     WHERE f ->> 'verdict' IN ('set_at_creation', 'filled_blank', 'updated')), '{}'),
           owner_of(d.reason_code, :owner), 'open', :at
    FROM decided AS s JOIN sync_decision AS d USING (batch_id, dievio_lead_id)
    WHERE s.outcome = 'review'
    ON CONFLICT (dievio_lead_id, reason) WHERE state = 'open' DO NOTHING
)
SELECT count(*) FILTER (WHERE outcome = 'skipped') AS skipped, count(*) FILTER (WHERE outcome = 'review') AS review
FROM settled;

-- name: insert_escalations(batch_id, owner, at)!
-- Fields of written leads that a person is to settle: conflicts that the mapping escalates and values that enrichment is
-- unsure of. A lead has one such question at a time; where it is about both kinds, it is called a conflict.
INSERT INTO review_item (batch_id, dievio_lead_id, raw_lead_id, reason, question, candidates, proposal, owner, state,
                         opened_at)
SELECT q.batch_id, q.dievio_lead_id, q.raw_lead_id, q.reason, q.question, q.candidates, q.proposal,
       owner_of(q.reason, :owner), 'open', :at
FROM (SELECT d.batch_id, d.dievio_lead_id, d.raw_lead_id,
             CASE WHEN bool_or(f ->> 'verdict' = 'escalated') THEN 'field_conflict' ELSE 'low_confidence' END AS reason,
             'Which value is right for ' || string_agg(f ->> 'field', ', ' ORDER BY f ->> 'field') || '?' AS question,
             jsonb_build_array(jsonb_build_object('object_name', o.object_name, 'salesforce_id', o.salesforce_id,
                                                  'rule', 'written_record', 'score', NULL)) AS candidates,
             jsonb_object_agg(f ->> 'field', f -> 'after') AS proposal
      FROM sync_decision AS d
      JOIN lead_outcome AS o ON o.batch_id = d.batch_id AND o.raw_lead_id = d.raw_lead_id
      CROSS JOIN LATERAL jsonb_array_elements(d.fields) AS f
      WHERE d.batch_id = :batch_id AND o.outcome IN ('created', 'updated', 'skipped')
        AND f ->> 'verdict' IN ('escalated', 'doubted')
      GROUP BY d.batch_id, d.dievio_lead_id, d.raw_lead_id, o.object_name, o.salesforce_id) AS q
WHERE NOT EXISTS (SELECT FROM review_item AS r
                  WHERE r.dievio_lead_id = q.dievio_lead_id AND r.reason IN ('field_conflict', 'low_confidence')
                    AND (r.batch_id = q.batch_id OR r.state = 'open'))
ON CONFLICT (dievio_lead_id, reason) WHERE state = 'open' DO NOTHING;

-- name: has_open_plans(batch_id)$
-- Whether any lead of the batch has a plan and no outcome; those that wait to be let through apart.
SELECT EXISTS (SELECT FROM due_decision AS d
               WHERE d.batch_id = :batch_id
                 AND NOT EXISTS (SELECT FROM settled_outcome AS o
                                 WHERE o.batch_id = d.batch_id AND o.raw_lead_id = d.raw_lead_id));

-- name: count_batch(batch_id, run_id)^
-- Where the batch stands after the write.
SELECT
    (SELECT count(*) FROM write_intent WHERE batch_id = :batch_id AND state IN ('sent', 'unknown')) AS unknown,
    (SELECT count(*) FROM raw_lead AS r WHERE r.batch_id = :batch_id
     AND NOT EXISTS (SELECT FROM lead_outcome AS o
                     WHERE o.batch_id = r.batch_id AND o.raw_lead_id = r.raw_lead_id))
    - (SELECT count(*) FROM waiting_row WHERE batch_id = :batch_id) AS unsettled,
    (SELECT count(*) FROM waiting_row WHERE batch_id = :batch_id) AS waiting,
    (SELECT count(*) FROM write_intent WHERE run_id = :run_id AND batch_id = :batch_id AND state = 'applied'
     AND purpose IN ('sync', 'review', 'replay') AND kind = 'insert') AS created,
    (SELECT count(*) FROM write_intent WHERE run_id = :run_id AND batch_id = :batch_id AND state = 'applied'
     AND purpose IN ('sync', 'review', 'replay') AND kind = 'update') AS updated;

-- name: list_outcome_counts(batch_id)
-- How many rows of the batch ended where.
SELECT outcome, count(*) AS leads FROM lead_outcome WHERE batch_id = :batch_id GROUP BY outcome;

-- name: get_holding_owner(developer_name)$
-- The queue that owns new leads until their batch passed its gates.
SELECT salesforce_id FROM roster
WHERE kind = 'queue' AND developer_name = :developer_name AND is_active
ORDER BY salesforce_id LIMIT 1;

-- name: refresh_statistics#
-- Tell the planner what a batch has just put into these tables: without it, it expects a handful of rows and joins
-- every lead with every other (3,000 leads: 4 seconds instead of 30 milliseconds).
ANALYZE lead, sync_decision, lead_outcome, write_intent, directory_record, review_item;
