-- name: count_outcomes(batch_id)
-- How many delivered rows ended where, and for what reason.
SELECT outcome, reason_code, count(*) AS rows
FROM lead_outcome
WHERE batch_id = :batch_id
GROUP BY outcome, reason_code
ORDER BY outcome, rows DESC, reason_code;

-- name: count_delivered(batch_id)^
-- Rows that Dievio delivered, distinct persons among them, rows that wait to be let through, and rows that have no
-- outcome yet for no such reason.
SELECT
    (SELECT count(*) FROM raw_lead WHERE batch_id = :batch_id) AS delivered,
    (SELECT count(DISTINCT dievio_lead_id) FROM lead WHERE batch_id = :batch_id) AS distinct_leads,
    (SELECT count(*) FROM waiting_row WHERE batch_id = :batch_id) AS waiting,
    (SELECT count(*) FROM raw_lead AS r
     WHERE r.batch_id = :batch_id
       AND NOT EXISTS (SELECT FROM lead_outcome AS o
                       WHERE o.batch_id = r.batch_id AND o.raw_lead_id = r.raw_lead_id))
    - (SELECT count(*) FROM waiting_row WHERE batch_id = :batch_id) AS unsettled;

-- name: count_quarantine_reasons(batch_id)
-- Why rows were held back; a row may count under several reasons.
SELECT reason ->> 'code' AS code, count(*) AS rows
FROM quarantine, jsonb_array_elements(reasons) AS reason
WHERE batch_id = :batch_id
GROUP BY 1
ORDER BY rows DESC, code;

-- name: count_matches(batch_id)
-- Which rule decided how many leads, by grade.
SELECT coalesce(rule, 'no candidate') AS rule, grade, count(*) AS leads
FROM match_result
WHERE batch_id = :batch_id
GROUP BY 1, 2
ORDER BY 1, 2;

-- name: count_field_verdicts(batch_id)
-- Per field and policy, what happened to the value; only leads that were created, updated or skipped.
SELECT field ->> 'field' AS field, field ->> 'policy' AS policy, field ->> 'verdict' AS verdict, count(*) AS leads
FROM sync_decision AS d
JOIN lead_outcome AS o ON o.batch_id = d.batch_id AND o.raw_lead_id = d.raw_lead_id
CROSS JOIN LATERAL jsonb_array_elements(d.fields) AS field
WHERE d.batch_id = :batch_id AND o.outcome IN ('created', 'updated', 'skipped')
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3;

-- name: count_fields_changed(batch_id)$
-- Fields whose value in Salesforce this batch changed on records that existed before.
SELECT count(*)
FROM sync_log AS l
CROSS JOIN LATERAL jsonb_array_elements(l.fields_changed) AS field
WHERE l.batch_id = :batch_id AND l.outcome = 'applied' AND l.operation = 'update'
  AND l.logged_at >= (SELECT b.created_at FROM batch AS b WHERE b.batch_id = :batch_id);

-- name: list_segments(batch_id)
-- The saved searches of the batch: how far each came and what it cost.
SELECT p.segment, p.state, p.reason, p.rows_received, p.total_count, p.max_results,
       coalesce(sum(c.settled_credits) FILTER (WHERE c.state = 'settled'), 0)::integer AS credits,
       coalesce(sum(c.reserved_credits) FILTER (WHERE c.state = 'uncertain'), 0)::integer AS uncertain_credits
FROM segment_pull AS p
LEFT JOIN credit_ledger AS c ON c.batch_id = p.batch_id AND c.segment = p.segment AND c.purpose = 'search'
WHERE p.batch_id = :batch_id
GROUP BY p.batch_id, p.segment
ORDER BY p.segment;

-- name: sum_batch_credits(batch_id)$
-- Credits that all runs of a batch spent or may have spent, enrichment included.
SELECT coalesce(sum(coalesce(settled_credits, reserved_credits)), 0)::integer
FROM credit_ledger
WHERE batch_id = :batch_id AND state IN ('settled', 'uncertain');

-- name: sum_credits_since(batch_id, since)$
-- Credits this run spent or may have spent.
SELECT coalesce(sum(coalesce(settled_credits, reserved_credits)), 0)::integer
FROM credit_ledger
WHERE batch_id = :batch_id AND requested_at >= :since AND state <> 'released';

-- name: list_gate_results(batch_id)
-- Every gate's answer in the order of the stages.
SELECT gate, stage, passed, is_blocking, checked_count, failed_count, failed_ids, description, next_step
FROM gate_result
WHERE batch_id = :batch_id
ORDER BY checked_at, gate;

-- name: list_enrichment_alerts(batch_id)
-- What operations should hear about the batch's enrichment.
SELECT message FROM enrichment_alert WHERE batch_id = :batch_id ORDER BY kind, subject;

-- name: count_handovers(batch_id)
-- Who received how many leads, by rule.
SELECT h.to_owner_id, r.kind, h.rule, h.state, count(*) AS leads
FROM handover AS h
LEFT JOIN roster AS r ON r.salesforce_id = h.to_owner_id
WHERE h.batch_id = :batch_id
GROUP BY 1, 2, 3, 4
ORDER BY leads DESC, 1, 3;

-- name: count_campaign_members(batch_id)
-- Who became a member of which Campaign, and who could not.
SELECT campaign_id, state, coalesce(error_code, '') AS error_code, count(*) AS leads
FROM campaign_membership
WHERE batch_id = :batch_id
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3;

-- name: count_dead_letters(batch_id)
-- Writes given up, grouped by error code.
SELECT error_code, min(cause) AS cause, min(suggested_repair) AS suggested_repair, min(owner) AS owner, count(*) AS leads
FROM dead_letter
WHERE batch_id = :batch_id AND state = 'open'
GROUP BY error_code
ORDER BY leads DESC, error_code;

-- name: count_unknown_writes(batch_id)$
-- Writes whose result nobody knows yet.
SELECT count(*) FROM write_intent WHERE batch_id = :batch_id AND state IN ('sent', 'unknown');

-- name: count_writes_of_run(batch_id, run_id)$
-- Commits in Salesforce that this run made.
SELECT count(*) FROM write_intent WHERE batch_id = :batch_id AND run_id = :run_id AND state = 'applied';

-- name: sum_calls_of_run(batch_id, run_id)
-- Calls of this run by outside system and stage.
SELECT system, stage, calls FROM call_count WHERE batch_id = :batch_id AND run_id = :run_id ORDER BY system, stage;

-- name: get_batch(batch_id)^
-- When the batch began and with which mapping.
SELECT batch_id, source, created_at, mapping_version FROM batch WHERE batch_id = :batch_id;

-- name: list_batches(most)
-- The newest batches with their outcomes, for the status page.
SELECT b.batch_id, b.source, b.created_at,
       count(o.*) FILTER (WHERE o.outcome = 'created') AS created,
       count(o.*) FILTER (WHERE o.outcome = 'updated') AS updated,
       count(o.*) FILTER (WHERE o.outcome = 'skipped') AS skipped,
       count(o.*) FILTER (WHERE o.outcome = 'review') AS review,
       count(o.*) FILTER (WHERE o.outcome = 'quarantine') AS quarantined,
       count(o.*) FILTER (WHERE o.outcome = 'dead_letter') AS dead_letter,
       (SELECT count(*) FROM raw_lead AS r WHERE r.batch_id = b.batch_id) AS delivered,
       (SELECT count(*) FROM waiting_row AS n WHERE n.batch_id = b.batch_id) AS waiting,
       (SELECT count(*) FROM gate_result AS g WHERE g.batch_id = b.batch_id AND g.is_blocking AND NOT g.passed) AS failed_gates
FROM (SELECT * FROM batch ORDER BY batch_id DESC LIMIT :most) AS b
LEFT JOIN lead_outcome AS o ON o.batch_id = b.batch_id
GROUP BY b.batch_id, b.source, b.created_at
ORDER BY b.batch_id DESC;

-- name: insert_run_report(batch_id, run_id, made_at, summary, html)!
-- Keep the report of a run; making it again replaces it.
INSERT INTO run_report (batch_id, run_id, made_at, summary, html)
VALUES (:batch_id, :run_id, :made_at, :summary, :html)
ON CONFLICT (batch_id, run_id) DO UPDATE SET made_at = excluded.made_at, summary = excluded.summary, html = excluded.html;

-- name: get_latest_run_report(batch_id)^
-- The newest report of a batch.
SELECT batch_id, run_id, made_at, summary, html FROM run_report WHERE batch_id = :batch_id ORDER BY made_at DESC LIMIT 1;

-- name: get_run_report(run_id)^
-- The report of one run; a run that took several batches is told by its last one.
SELECT batch_id, run_id, made_at, summary, html FROM run_report WHERE run_id = :run_id ORDER BY made_at DESC LIMIT 1;

-- name: list_reported_runs(batch_id)
-- The runs of a batch that made a report, the newest first.
SELECT run_id, made_at FROM run_report WHERE batch_id = :batch_id ORDER BY made_at DESC, run_id;

-- name: get_newest_batch_id()$
-- The batch that `status`, `gates` and `report` speak of when none is named.
SELECT max(batch_id) FROM batch WHERE source = 'search';
