-- name: count_unmatched_leads(batch_id)$
-- Open leads that have no match result: planning them would be guessing.
SELECT count(*)
FROM lead AS l
WHERE l.batch_id = :batch_id
  AND l.duplicate_of_raw_lead_id IS NULL
  AND NOT EXISTS (SELECT FROM settled_outcome AS o WHERE o.batch_id = l.batch_id AND o.raw_lead_id = l.raw_lead_id)
  AND NOT EXISTS (SELECT FROM match_result AS m
                  WHERE m.batch_id = l.batch_id AND m.dievio_lead_id = l.dievio_lead_id);

-- name: list_matched_leads(batch_id, after, dievio_lead_ids, page_size)
-- One page, by id, of the leads to plan, each with its match and the matched record as the mirror holds it, and since when
-- a write to that record is without an end that we know.
SELECT l.raw_lead_id, l.segment, l.dievio_lead_id, l.is_weak_id, l.field_values, l.confidences, l.flags, l.fetched_at,
       m.grade, m.rule, m.object_name, m.salesforce_id, m.reason_code, m.reason, m.candidate_count,
       r.salesforce_id IS NOT NULL AS has_record, r.fields AS record_fields, r.dievio_lead_id AS record_lead_id,
       r.is_deleted, r.is_converted, r.last_modified_at, r.system_modstamp, link.dievio_lead_id AS linked_lead_id,
       going.open_since
FROM lead AS l
JOIN match_result AS m ON m.batch_id = l.batch_id AND m.dievio_lead_id = l.dievio_lead_id
LEFT JOIN directory_record AS r ON r.object_name = m.object_name AND r.salesforce_id = m.salesforce_id
LEFT JOIN LATERAL (
    SELECT k.dievio_lead_id
    FROM salesforce_link AS k
    WHERE k.salesforce_id = m.salesforce_id
    ORDER BY k.dievio_lead_id = l.dievio_lead_id DESC
    LIMIT 1
) AS link ON true
LEFT JOIN (
    SELECT w.salesforce_id, min(w.sent_at) AS open_since
    FROM write_intent AS w
    WHERE w.state IN ('sent', 'unknown')
    GROUP BY w.salesforce_id
) AS going ON going.salesforce_id = m.salesforce_id
WHERE l.batch_id = :batch_id
  AND l.duplicate_of_raw_lead_id IS NULL
  AND l.dievio_lead_id > :after
  AND (:dievio_lead_ids::text[] IS NULL OR l.dievio_lead_id = ANY (:dievio_lead_ids::text[]))
  AND NOT EXISTS (SELECT FROM settled_outcome AS o WHERE o.batch_id = l.batch_id AND o.raw_lead_id = l.raw_lead_id)
ORDER BY l.dievio_lead_id
LIMIT :page_size;

-- name: get_lead(batch_id, raw_lead_id)^
-- One lead, settled or not.
SELECT raw_lead_id, segment, dievio_lead_id, is_weak_id, field_values, confidences, flags, fetched_at
FROM lead
WHERE batch_id = :batch_id AND raw_lead_id = :raw_lead_id;

-- name: list_targets(salesforce_ids, dievio_lead_id)
-- People of the org by id, in the order of the ids, and the lead each is linked with, this one before others.
SELECT r.salesforce_id, r.object_name, r.fields AS record_fields, r.dievio_lead_id AS record_lead_id,
       r.is_deleted, r.is_converted, r.last_modified_at, r.system_modstamp, link.dievio_lead_id AS linked_lead_id
FROM unnest(:salesforce_ids::text[]) WITH ORDINALITY AS named (salesforce_id, place)
JOIN directory_record AS r ON r.salesforce_id = named.salesforce_id AND r.object_name IN ('Lead', 'Contact')
LEFT JOIN LATERAL (
    SELECT k.dievio_lead_id
    FROM salesforce_link AS k
    WHERE k.salesforce_id = r.salesforce_id
    ORDER BY k.dievio_lead_id = :dievio_lead_id DESC
    LIMIT 1
) AS link ON true
ORDER BY named.place;

-- name: list_written_values(salesforce_ids)
-- The last value we wrote into each field of these records, and when the lead it came from was fetched: the latest
-- one that found the record in order, because a value that a later lead left as it was is as fresh as that lead.
WITH confirmed AS (
    SELECT o.salesforce_id, max(l.fetched_at) AS fetched_at
    FROM salesforce_link AS k
    JOIN lead AS l ON l.dievio_lead_id = k.dievio_lead_id AND l.duplicate_of_raw_lead_id IS NULL
    JOIN lead_outcome AS o ON o.batch_id = l.batch_id AND o.raw_lead_id = l.raw_lead_id
                          AND o.salesforce_id = k.salesforce_id
    WHERE k.salesforce_id = ANY (:salesforce_ids::text[])
      AND (o.outcome IN ('created', 'updated') OR o.reason_code = 'no_change')
    GROUP BY o.salesforce_id
)
SELECT v.salesforce_id, v.field, v.value, greatest(l.fetched_at, c.fetched_at) AS source_at
FROM field_value AS v
LEFT JOIN write_intent AS w ON w.op_id = v.op_id
LEFT JOIN lead AS l ON l.batch_id = w.batch_id AND l.dievio_lead_id = w.dievio_lead_id
                   AND l.duplicate_of_raw_lead_id IS NULL
LEFT JOIN confirmed AS c ON c.salesforce_id = v.salesforce_id
WHERE v.salesforce_id = ANY (:salesforce_ids::text[]);

-- name: list_field_answers(dievio_lead_ids)
-- What people decided about single values of these leads, the latest last.
SELECT i.dievio_lead_id, answer.key AS field, answer.value ->> 'choice' AS choice, answer.value -> 'value' AS value
FROM review_item AS i
CROSS JOIN LATERAL jsonb_each(i.decision -> 'fields') AS answer
WHERE i.dievio_lead_id = ANY (:dievio_lead_ids::text[])
  AND i.state = 'decided'
  AND jsonb_typeof(i.decision -> 'fields') = 'object'
ORDER BY i.decided_at, i.review_item_id;

-- name: list_standing_answers(batch_id, dievio_lead_ids)
-- What people answered to questions about these leads, the newest answer to each; one that was given before a candidate
-- of today was known does not stand. The record that the answer made for the lead is no new candidate.
SELECT DISTINCT ON (i.dievio_lead_id, i.reason) i.dievio_lead_id, i.reason, i.decision ->> 'choice' AS choice
FROM review_item AS i
WHERE i.dievio_lead_id = ANY (:dievio_lead_ids::text[])
  AND i.state = 'decided'
  AND jsonb_typeof(i.decision -> 'seen') = 'array'
  AND NOT EXISTS (SELECT FROM match_candidate AS c
                  WHERE c.batch_id = :batch_id AND c.dievio_lead_id = i.dievio_lead_id AND c.grade <> 'none'
                    AND NOT i.decision -> 'seen' ? c.salesforce_id
                    AND NOT EXISTS (SELECT FROM salesforce_link AS k
                                    WHERE k.dievio_lead_id = i.dievio_lead_id AND k.salesforce_id = c.salesforce_id))
ORDER BY i.dievio_lead_id, i.reason, i.decided_at DESC, i.review_item_id DESC;

-- name: delete_open_plans(batch_id, dievio_lead_ids)!
-- Forget the decisions about leads without an outcome, so that planning again replaces them. The row that counts is what
-- has an outcome or not: the one that was planned may have become a copy of a row that was delivered later.
DELETE FROM sync_decision AS d
WHERE d.batch_id = :batch_id
  AND (:dievio_lead_ids::text[] IS NULL OR d.dievio_lead_id = ANY (:dievio_lead_ids::text[]))
  AND NOT EXISTS (
      SELECT FROM lead AS l
      JOIN settled_outcome AS o ON o.batch_id = l.batch_id AND o.raw_lead_id = l.raw_lead_id
      WHERE l.batch_id = d.batch_id AND l.dievio_lead_id = d.dievio_lead_id AND l.duplicate_of_raw_lead_id IS NULL);

-- name: refresh_statistics#
-- Tell the planner how many decisions the batch has; see the statement of this name in `matches`.
ANALYZE sync_decision;

-- name: set_mapping_version(batch_id, mapping_version)!
-- Remember which mapping the batch was last planned with.
UPDATE batch SET mapping_version = :mapping_version WHERE batch_id = :batch_id;

-- name: count_decisions(batch_id)
-- The plan by decision and reason, and how many of these leads still wait for their outcome.
SELECT d.decision, d.reason_code, count(*) AS leads, count(*) FILTER (WHERE o.raw_lead_id IS NULL) AS open_leads
FROM sync_decision AS d
LEFT JOIN settled_outcome AS o ON o.batch_id = d.batch_id AND o.raw_lead_id = d.raw_lead_id
WHERE d.batch_id = :batch_id
GROUP BY d.decision, d.reason_code
ORDER BY d.decision, d.reason_code;

-- name: count_planned_fields(batch_id)
-- Per policy and verdict, how many fields of leads that are to be written.
SELECT f ->> 'policy' AS policy, f ->> 'verdict' AS verdict, count(*) AS fields
FROM sync_decision AS d
CROSS JOIN LATERAL jsonb_array_elements(d.fields) AS f
WHERE d.batch_id = :batch_id AND d.decision IN ('create', 'update')
GROUP BY 1, 2
ORDER BY 1, 2;

-- name: count_risks(batch_id, guarded_fields)^
-- The risk box: records to be made, values in place that would be replaced (the integration's own fields apart), and
-- touches of fields that are never ours.
SELECT count(DISTINCT d.dievio_lead_id) FILTER (WHERE d.decision = 'create') AS creates,
       count(*) FILTER (WHERE d.decision = 'update' AND f ->> 'verdict' = 'updated' AND f ->> 'policy' <> 'always')
           AS replaced_values,
       count(*) FILTER (WHERE f ->> 'verdict' IN ('set_at_creation', 'filled_blank', 'updated')
                          AND f ->> 'field' = ANY (:guarded_fields::text[])) AS guarded_touches
FROM sync_decision AS d
CROSS JOIN LATERAL jsonb_array_elements(d.fields) AS f
WHERE d.batch_id = :batch_id AND d.decision IN ('create', 'update');

-- name: list_segment_accounts(batch_id)
-- How far each saved search of the batch has been pulled.
SELECT state = 'exhausted' AS is_exhausted, max_results, rows_received, total_count
FROM segment_pull
WHERE batch_id = :batch_id;

-- name: list_written_fields(fields)
-- Which of these fields were ever written; asked only when the org lacks some of them, so a scan is no matter.
SELECT DISTINCT field FROM field_value WHERE field = ANY (:fields::text[]);
