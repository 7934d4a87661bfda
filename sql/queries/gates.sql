-- name: upsert_gate_result(batch_id, gate, stage, passed, is_blocking, checked_count, failed_count, failed_ids, description, next_step, run_id, checked_at)!
-- Keep the newest answer of a gate.
INSERT INTO gate_result (batch_id, gate, stage, passed, is_blocking, checked_count, failed_count, failed_ids,
                         description, next_step, run_id, checked_at)
VALUES (:batch_id, :gate, :stage, :passed, :is_blocking, :checked_count, :failed_count, :failed_ids,
        :description, :next_step, :run_id, :checked_at)
ON CONFLICT (batch_id, gate) DO UPDATE
SET stage = excluded.stage, passed = excluded.passed, is_blocking = excluded.is_blocking,
    checked_count = excluded.checked_count, failed_count = excluded.failed_count, failed_ids = excluded.failed_ids,
    description = excluded.description, next_step = excluded.next_step, run_id = excluded.run_id,
    checked_at = excluded.checked_at;

-- name: list_passed_gates(batch_id)
-- Gates whose answer lets the batch go on. A gate behind the write counts only if it looked after the last write.
SELECT gate
FROM gate_result
WHERE batch_id = :batch_id AND passed
  AND (stage NOT IN ('writes', 'readback')
       OR checked_at >= coalesce((SELECT max(w.resolved_at) FROM write_intent AS w
                                  WHERE w.batch_id = :batch_id AND w.purpose IN ('sync', 'review', 'replay')
                                    AND w.state = 'applied'),
                                 '-infinity'));

-- name: list_failed_gates(batch_id)
-- Gates whose newest answer is no.
SELECT gate FROM gate_result WHERE batch_id = :batch_id AND NOT passed;

-- name: list_open_failures()
-- Blocking gates that failed and were not mended, over all batches.
SELECT batch_id, gate, checked_at FROM gate_result WHERE is_blocking AND NOT passed ORDER BY batch_id, gate;

-- name: list_key_shares(batch_id)
-- Share of the batch's rows that carry each key of the payload.
SELECT k.key, count(*)::float / greatest((SELECT count(*) FROM raw_lead
                                          WHERE batch_id = :batch_id AND jsonb_typeof(payload) = 'object'), 1) AS share
FROM raw_lead AS r
CROSS JOIN LATERAL jsonb_object_keys(CASE jsonb_typeof(r.payload) WHEN 'object' THEN r.payload ELSE '{}' END) AS k (key)
WHERE r.batch_id = :batch_id
GROUP BY k.key;

-- name: list_known_keys(batch_id)
-- Keys that earlier batches delivered, with the share of rows in the newest of them.
SELECT k.key, count(*)::float / greatest((SELECT count(*) FROM raw_lead AS n WHERE n.batch_id = p.batch_id), 1) AS share
FROM (SELECT max(batch_id) AS batch_id FROM raw_lead WHERE batch_id < :batch_id) AS p
JOIN raw_lead AS r ON r.batch_id = p.batch_id
CROSS JOIN LATERAL jsonb_object_keys(CASE jsonb_typeof(r.payload) WHEN 'object' THEN r.payload ELSE '{}' END) AS k (key)
GROUP BY p.batch_id, k.key;

-- name: list_segment_pulls(batch_id)
-- How far each saved search came, what its pages hold, how many rows were taken out of them, and how many rows of the
-- same search lie before its first page, bought by earlier batches.
SELECT p.segment, p.state, p.reason, p.rows_received, p.max_results, p.total_count,
       (p.first_page - 1) * (SELECT coalesce(max((g.request ->> '_per_page')::integer), 0) FROM raw_page AS g
                             WHERE g.batch_id = p.batch_id AND g.segment = p.segment) AS rows_before,
       (SELECT count(*) FROM raw_lead AS r WHERE r.batch_id = p.batch_id AND r.segment = p.segment) AS kept_rows,
       (SELECT coalesce(sum(g.row_count), 0) FROM raw_page AS g
        WHERE g.batch_id = p.batch_id AND g.segment = p.segment) AS page_rows,
       (SELECT count(*) FROM raw_page AS g WHERE g.batch_id = p.batch_id AND g.segment = p.segment) AS pages,
       (SELECT coalesce(max(g.page_number) - min(g.page_number) + 1, 0) FROM raw_page AS g
        WHERE g.batch_id = p.batch_id AND g.segment = p.segment) AS page_span
FROM segment_pull AS p
WHERE p.batch_id = :batch_id
ORDER BY p.segment;

-- name: list_rows_without_place(batch_id, most)
-- Delivered rows that are neither a normalized lead nor in quarantine, or both.
SELECT r.raw_lead_id
FROM raw_lead AS r
LEFT JOIN lead AS l ON l.batch_id = r.batch_id AND l.raw_lead_id = r.raw_lead_id
LEFT JOIN quarantine AS q ON q.batch_id = r.batch_id AND q.raw_lead_id = r.raw_lead_id
WHERE r.batch_id = :batch_id AND (l.raw_lead_id IS NULL) = (q.raw_lead_id IS NULL)
ORDER BY r.raw_lead_id
LIMIT :most;

-- name: count_raw_rows(batch_id)$
-- Delivered rows.
SELECT count(*) FROM raw_lead WHERE batch_id = :batch_id;

-- name: list_repeated_persons(batch_id)
-- Leads of the batch that share their id or their e-mail key with another one that is no marked copy.
SELECT dievio_lead_id
FROM (SELECT dievio_lead_id, count(*) OVER (PARTITION BY dievio_lead_id) AS same_id,
             CASE WHEN em IS NULL THEN 1 ELSE count(*) OVER (PARTITION BY em, fn, ln) END AS same_person
      FROM lead
      WHERE batch_id = :batch_id AND duplicate_of_raw_lead_id IS NULL) AS l
WHERE same_id > 1 OR same_person > 1
ORDER BY 1;

-- name: count_leads(batch_id)$
-- Persons of the batch.
SELECT count(*) FROM lead WHERE batch_id = :batch_id AND duplicate_of_raw_lead_id IS NULL;

-- name: count_active_roster()$
-- Users and queues that may own leads.
SELECT count(*) FROM roster WHERE is_active;

-- name: list_unsafe_links(batch_id)
-- Leads that are to be written onto a record although the match is not the only certain one.
SELECT d.dievio_lead_id
FROM sync_decision AS d
LEFT JOIN match_result AS m ON m.batch_id = d.batch_id AND m.dievio_lead_id = d.dievio_lead_id
WHERE d.batch_id = :batch_id AND d.decision = 'update'
  AND (m.grade IS DISTINCT FROM 'certain' OR m.salesforce_id IS DISTINCT FROM d.salesforce_id)
ORDER BY 1;

-- name: get_plan_risk(batch_id, protected_fields)^
-- What the plan would do at most now: creations, non-blank values replaced, and fields it must never touch.
SELECT count(DISTINCT d.dievio_lead_id) AS leads,
       count(DISTINCT d.dievio_lead_id) FILTER (WHERE d.decision = 'create') AS creates,
       count(f) FILTER (WHERE d.decision = 'update' AND f ->> 'before' IS NOT NULL) AS filled_values,
       count(f) FILTER (WHERE d.decision = 'update' AND f ->> 'before' IS NOT NULL
                          AND f ->> 'verdict' = 'updated' AND f ->> 'policy' <> 'always') AS replaced_values,
       coalesce(array_agg(DISTINCT d.dievio_lead_id) FILTER (
           WHERE d.decision = 'update' AND f ->> 'verdict' IN ('updated', 'filled_blank')
             AND f ->> 'field' = ANY(:protected_fields)), '{}') AS protected_ids
FROM due_decision AS d
LEFT JOIN LATERAL jsonb_array_elements(d.fields) AS f ON true
WHERE d.batch_id = :batch_id;

-- name: list_unplanned_leads(batch_id)
-- Persons of the batch without a decision and without an outcome.
SELECT l.dievio_lead_id
FROM lead AS l
WHERE l.batch_id = :batch_id AND l.duplicate_of_raw_lead_id IS NULL
  AND NOT EXISTS (SELECT FROM sync_decision AS d
                  WHERE d.batch_id = l.batch_id AND d.dievio_lead_id = l.dievio_lead_id)
  AND NOT EXISTS (SELECT FROM lead_outcome AS o WHERE o.batch_id = l.batch_id AND o.raw_lead_id = l.raw_lead_id)
ORDER BY 1;

-- name: list_unconserved_rows(batch_id, most)
-- Delivered rows without an outcome that do not wait to be let through either.
SELECT r.raw_lead_id
FROM raw_lead AS r
WHERE r.batch_id = :batch_id
  AND NOT EXISTS (SELECT FROM lead_outcome AS o WHERE o.batch_id = r.batch_id AND o.raw_lead_id = r.raw_lead_id)
  AND NOT EXISTS (SELECT FROM waiting_row AS n WHERE n.batch_id = r.batch_id AND n.raw_lead_id = r.raw_lead_id)
ORDER BY r.raw_lead_id
LIMIT :most;

-- name: list_outcomes_without_proof(batch_id, most)
-- Leads that count as created or updated without an applied write of ours, and applied writes without their entry in
-- the log.
SELECT o.raw_lead_id
FROM lead_outcome AS o
LEFT JOIN write_intent AS w ON w.op_id = o.op_id
WHERE o.batch_id = :batch_id AND o.outcome IN ('created', 'updated') AND w.state IS DISTINCT FROM 'applied'
UNION
SELECT w.raw_lead_id
FROM write_intent AS w
WHERE w.batch_id = :batch_id AND w.state = 'applied'
  AND NOT EXISTS (SELECT FROM sync_log AS l
                  WHERE l.op_id = w.op_id AND l.outcome = 'applied'
                    AND l.logged_at >= (SELECT b.created_at FROM batch AS b WHERE b.batch_id = :batch_id))
ORDER BY 1
LIMIT :most;

-- name: list_open_writes(batch_id, most)
-- Leads with a write whose end nobody knows.
SELECT dievio_lead_id FROM write_intent
WHERE batch_id = :batch_id AND state IN ('sent', 'unknown')
ORDER BY 1
LIMIT :most;

-- name: list_eligible(batch_id)
-- Persons of the batch that were let through: whether they have an outcome, and whether the record of a written one
-- exists, or the one that a person merged it into.
SELECT l.dievio_lead_id, o.raw_lead_id IS NOT NULL AS is_settled,
       coalesce(o.outcome NOT IN ('created', 'updated') OR (b.dievio_lead_id IS NOT NULL AND NOT b.is_missing)
                OR EXISTS (SELECT FROM directory_record AS r
                           JOIN directory_record AS kept ON kept.object_name = r.object_name
                                                        AND kept.salesforce_id = r.master_record_id
                           WHERE r.object_name = o.object_name AND r.salesforce_id = o.salesforce_id
                             AND r.is_deleted AND NOT kept.is_deleted), true)
           AS is_present
FROM lead AS l
LEFT JOIN lead_outcome AS o ON o.batch_id = l.batch_id AND o.raw_lead_id = l.raw_lead_id
LEFT JOIN readback AS b ON b.batch_id = l.batch_id AND b.dievio_lead_id = l.dievio_lead_id
WHERE l.batch_id = :batch_id AND l.duplicate_of_raw_lead_id IS NULL
  AND NOT EXISTS (SELECT FROM waiting_row AS n WHERE n.batch_id = l.batch_id AND n.raw_lead_id = l.raw_lead_id)
ORDER BY l.raw_lead_id;

-- name: list_sample_lines(batch_id)
-- Written leads with what choosing a sample needs.
SELECT l.dievio_lead_id, l.segment, o.outcome = 'created' AS is_created, l.flags
FROM lead_outcome AS o
JOIN lead AS l ON l.batch_id = o.batch_id AND l.raw_lead_id = o.raw_lead_id
WHERE o.batch_id = :batch_id AND o.outcome IN ('created', 'updated') AND o.op_id IS NOT NULL
ORDER BY l.raw_lead_id;

-- name: list_written(batch_id, after, dievio_lead_ids, writer_id, most)
-- Written records page by page, all or those named: what was sent, what is held, who may have touched it since.
-- A person's edit is no fault of the write: a gate that stayed red for it would hold the whole batch for ever. The org's
-- automation is one: it runs as the writer, or as a user that is nobody of the staff. Nor is what was undone on demand,
-- nor what a later batch wrote, whose own gates judge it, nor a field that left the org since.
SELECT o.dievio_lead_id, o.object_name, o.outcome = 'created' AS is_created,
       w.payload - ARRAY(SELECT split_part(f.subject, '.', 2) FROM field_drift AS f
                         WHERE f.batch_id = o.batch_id AND f.code = 'field_gone'
                           AND split_part(f.subject, '.', 1) = w.object_name) AS sent,
       CASE WHEN b.is_missing THEN NULL ELSE b.fields END AS held,
       w.payload ->> 'OwnerId' AS expected_owner_id,
       coalesce((SELECT jsonb_object_agg(f ->> 'field', f ->> 'trimmed_from')
                 FROM sync_decision AS d CROSS JOIN LATERAL jsonb_array_elements(d.fields) AS f
                 WHERE d.batch_id = o.batch_id AND d.dievio_lead_id = o.dievio_lead_id
                   AND f ->> 'trimmed_from' IS NOT NULL), '{}') AS trims,
       EXISTS (SELECT FROM handover AS h
               WHERE h.batch_id = o.batch_id AND h.dievio_lead_id = o.dievio_lead_id AND h.state IN ('done', 'kept')
                 AND b.read_at > coalesce(h.handed_over_at, '-infinity'))
       OR EXISTS (SELECT FROM write_intent AS r
                  WHERE r.dievio_lead_id = o.dievio_lead_id AND r.purpose = 'revert' AND r.state = 'applied'
                    AND r.sent_at > w.sent_at)
       OR EXISTS (SELECT FROM field_value AS v
                  JOIN write_intent AS r ON r.op_id = v.op_id
                  WHERE v.salesforce_id = o.salesforce_id AND v.op_id <> o.op_id AND r.purpose <> 'hand_over'
                    AND r.sent_at > w.sent_at)
       OR (b.fields ->> 'LastModifiedById' <> :writer_id::text
           AND (o.outcome = 'updated'
                OR EXISTS (SELECT FROM roster AS p
                           WHERE p.salesforce_id = b.fields ->> 'LastModifiedById'
                             AND p.fields ->> 'UserType' = 'Standard'))) AS is_out_of_hands
FROM lead_outcome AS o
JOIN write_intent AS w ON w.op_id = o.op_id
LEFT JOIN readback AS b ON b.batch_id = o.batch_id AND b.dievio_lead_id = o.dievio_lead_id
WHERE o.batch_id = :batch_id AND o.outcome IN ('created', 'updated') AND o.dievio_lead_id > :after
  AND (:dievio_lead_ids::text[] IS NULL OR o.dievio_lead_id = ANY(:dievio_lead_ids::text[]))
ORDER BY o.dievio_lead_id
LIMIT :most;

-- name: get_writer_id(batch_id)$
-- The user we write as, where signing in did not tell: whoever last changed most of the records we wrote.
SELECT b.fields ->> 'LastModifiedById'
FROM readback AS b
JOIN lead_outcome AS o ON o.batch_id = b.batch_id AND o.dievio_lead_id = b.dievio_lead_id AND o.outcome IN ('created', 'updated')
WHERE b.batch_id = :batch_id AND NOT b.is_missing
GROUP BY 1
ORDER BY count(*) DESC, 1
LIMIT 1;

-- name: list_twins(batch_id)
-- Written leads with the further live records of the same person: same external id, or, for a created lead, the same
-- e-mail, unless a person said that they are not the same, or answered the question about them with "skip". A record of
-- ours that is gone has no second one: it was merged, or the count of records misses it.
SELECT o.dievio_lead_id, o.raw_lead_id, o.salesforce_id, coalesce(jsonb_array_length(twin.records), 0) AS other_records,
       twin.records
FROM lead_outcome AS o
JOIN lead AS l ON l.batch_id = o.batch_id AND l.raw_lead_id = o.raw_lead_id
CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('object_name', r.object_name, 'salesforce_id', r.salesforce_id, 'score', NULL,
                                        'rule', CASE WHEN r.dievio_lead_id = o.dievio_lead_id
                                                     THEN 'BLOCK_ID_MATCH_PERSON' ELSE 'BLOCK_EM_MATCH_FN' END)
                     ORDER BY r.salesforce_id) AS records
    FROM directory_record AS r
    WHERE NOT r.is_deleted AND NOT r.is_converted AND r.salesforce_id <> o.salesforce_id
      AND r.object_name IN ('Lead', 'Contact')
      AND (r.dievio_lead_id = o.dievio_lead_id OR (o.outcome = 'created' AND r.em = l.em))
      AND NOT EXISTS (SELECT FROM pair_memory AS m
                      WHERE m.dievio_lead_id = o.dievio_lead_id AND m.salesforce_id = r.salesforce_id
                        AND m.answer = 'not_same')
      AND NOT EXISTS (SELECT FROM review_item AS i
                      WHERE i.dievio_lead_id = o.dievio_lead_id AND i.reason = 'twin_created' AND i.state = 'decided'
                        AND i.decision ->> 'choice' = 'skip' AND i.decision -> 'seen' ? r.salesforce_id)
      AND NOT EXISTS (SELECT FROM directory_record AS own
                      WHERE own.object_name = o.object_name AND own.salesforce_id = o.salesforce_id
                        AND own.is_deleted)) AS twin
WHERE o.batch_id = :batch_id AND o.outcome IN ('created', 'updated')
ORDER BY o.dievio_lead_id;

-- name: list_active_owners()
-- Users and queues that may own leads now.
SELECT salesforce_id FROM roster WHERE is_active;

-- name: list_wrong_handovers(batch_id)
-- Created leads that reached nobody, or somebody who may not own leads.
SELECT o.dievio_lead_id
FROM lead_outcome AS o
LEFT JOIN handover AS h ON h.batch_id = o.batch_id AND h.dievio_lead_id = o.dievio_lead_id
LEFT JOIN roster AS r ON r.salesforce_id = h.to_owner_id
WHERE o.batch_id = :batch_id AND o.outcome = 'created' AND o.object_name = 'Lead'
  AND (h.state IS NULL OR h.state NOT IN ('done', 'kept') OR (h.state = 'done' AND r.is_active IS NOT TRUE))
ORDER BY 1;

-- name: count_created(batch_id)$
-- Leads that the batch created.
SELECT count(*) FROM lead_outcome WHERE batch_id = :batch_id AND outcome = 'created' AND object_name = 'Lead';

-- name: list_match_rows(batch_id)
-- What the match ladder answered, lead by lead.
SELECT dievio_lead_id, grade, rule, object_name, salesforce_id, reason_code, candidate_count
FROM match_result
WHERE batch_id = :batch_id
ORDER BY dievio_lead_id;

-- name: list_plan_rows(batch_id)
-- What was decided, lead by lead, without the fields.
SELECT dievio_lead_id, decision, object_name, salesforce_id, reason_code, mapping_version, base_last_modified_at
FROM sync_decision
WHERE batch_id = :batch_id
ORDER BY dievio_lead_id;
