-- name: list_field_pasts(object_name)
-- What each field of an object was at its largest, over every describe that was kept.
SELECT f ->> 'name' AS name,
       max(CASE WHEN f ->> 'type' IN ('double', 'currency', 'percent') THEN (f ->> 'precision')::int
                ELSE (f ->> 'length')::int END) AS size,
       bool_or(NOT (f ->> 'is_restricted_picklist')::boolean) AS was_open,
       coalesce(array_agg(DISTINCT v.value) FILTER (WHERE v.value IS NOT NULL), '{}') AS picklist_values
FROM org_schema
CROSS JOIN LATERAL jsonb_array_elements(describe -> 'fields') AS f
LEFT JOIN LATERAL jsonb_array_elements_text(f -> 'picklist_values') AS v (value) ON true
WHERE object_name = :object_name
GROUP BY 1;

-- name: find_planned_at(batch_id)$
-- When the oldest plan of a batch that is still to be carried out was made.
SELECT min(d.planned_at)
FROM sync_decision AS d
WHERE d.batch_id = :batch_id
  AND NOT EXISTS (SELECT FROM settled_outcome AS o WHERE o.batch_id = d.batch_id AND o.raw_lead_id = d.raw_lead_id);

-- name: find_schema_until(object_name, moment)^
-- What the org said about an object at a moment, if it has said something else since.
SELECT held.describe
FROM org_schema AS held
WHERE held.object_name = :object_name AND held.current_since <= :moment
  AND EXISTS (SELECT FROM org_schema AS later
              WHERE later.object_name = held.object_name AND later.current_since > :moment)
ORDER BY held.current_since DESC
LIMIT 1;

-- name: keep_field_drift(batch_id, subject, code, what, repair, found_at)!
-- Keep what became wrong with a field, once per batch.
INSERT INTO field_drift (batch_id, subject, code, what, repair, found_at)
VALUES (:batch_id, :subject, :code, :what, :repair, :found_at)
ON CONFLICT (batch_id, subject, code) DO NOTHING;

-- name: list_field_drift(batch_id)
-- What became wrong with fields while the plan of a batch was carried out.
SELECT subject, code, what, repair FROM field_drift WHERE batch_id = :batch_id ORDER BY found_at, subject, code;

-- name: list_batch_fields(batch_id, object_name, names)
-- Which of these fields a batch wrote to records of an object.
SELECT DISTINCT k.name
FROM lead_outcome AS o
JOIN write_intent AS w ON w.op_id = o.op_id
CROSS JOIN LATERAL jsonb_object_keys(w.payload) AS k (name)
WHERE o.batch_id = :batch_id AND w.object_name = :object_name AND k.name = ANY (:names::text[]);
