-- name: upsert_scope(batch_id, kind, size, run_id, at)!
-- Let only chosen leads of a batch through from now on.
INSERT INTO batch_scope (batch_id, kind, size, run_id, narrowed_at)
VALUES (:batch_id, :kind, :size, :run_id, :at)
ON CONFLICT (batch_id) DO UPDATE
SET kind = excluded.kind, size = excluded.size, run_id = excluded.run_id, narrowed_at = excluded.narrowed_at;

-- name: delete_scope(batch_id)!
-- Let every lead of a batch through from now on.
DELETE FROM batch_scope WHERE batch_id = :batch_id;

-- name: get_scope(batch_id)^
-- The newest step of a batch that is let through step by step.
SELECT kind, size, narrowed_at FROM batch_scope WHERE batch_id = :batch_id;

-- name: insert_chosen(batch_id, chosen, kind, run_id, at)!
-- Let these leads through; those that were chosen before stay as they were.
INSERT INTO chosen_lead (batch_id, dievio_lead_id, kind, reason, run_id, chosen_at)
SELECT :batch_id, c.dievio_lead_id, :kind, c.reason, :run_id, :at
FROM jsonb_to_recordset(:chosen) AS c (dievio_lead_id text, reason text)
ON CONFLICT (batch_id, dievio_lead_id) DO NOTHING;

-- name: count_waiting(batch_id)$
-- Leads that wait to be let through.
SELECT count(*) FROM waiting_row WHERE batch_id = :batch_id;

-- name: list_plans_to_choose_from(batch_id)
-- Every planned lead of a batch with what choosing looks at, in the order of delivery: where it comes from, what is to
-- happen with it, whether it has its outcome, and whether and for what it was chosen.
SELECT d.dievio_lead_id, l.segment, d.decision, d.reason_code, d.object_name, l.field_values, l.flags,
       l.em IS NOT NULL AS has_address_key, o.raw_lead_id IS NOT NULL AS is_settled, c.kind AS chosen_for,
       coalesce(m.candidate_count, 0) AS candidate_count,
       ARRAY(SELECT DISTINCT f ->> 'verdict' FROM jsonb_array_elements(d.fields) AS f ORDER BY 1) AS verdicts,
       EXISTS (SELECT FROM jsonb_array_elements(d.fields) AS f WHERE f ->> 'trimmed_from' IS NOT NULL) AS is_trimmed,
       count(*) OVER (PARTITION BY l.ln, coalesce(l.dm, l.co)) > 1
           AND l.ln IS NOT NULL AND coalesce(l.dm, l.co) IS NOT NULL AS has_namesake
FROM sync_decision AS d
JOIN lead AS l ON l.batch_id = d.batch_id AND l.raw_lead_id = d.raw_lead_id
LEFT JOIN match_result AS m ON m.batch_id = d.batch_id AND m.dievio_lead_id = d.dievio_lead_id
LEFT JOIN settled_outcome AS o ON o.batch_id = d.batch_id AND o.raw_lead_id = d.raw_lead_id
LEFT JOIN chosen_lead AS c ON c.batch_id = d.batch_id AND c.dievio_lead_id = d.dievio_lead_id
WHERE d.batch_id = :batch_id
ORDER BY d.raw_lead_id;
