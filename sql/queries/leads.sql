-- name: lock_identities(name)$
-- Lets one batch at a time learn aliases, so that no person gets two ids.
SELECT pg_advisory_xact_lock(hashtext(:name));

-- name: create_stages#
-- Leads wait here for their id, which only the whole batch can tell.
CREATE TEMPORARY TABLE lead_stage (
    raw_lead_id bigint PRIMARY KEY, segment text, field_values jsonb, confidences jsonb, source_paths jsonb,
    flags text[], em text, li text, dm text, fn text, ln text, co text, ti text, ph text, pe text, st text,
    fetched_at timestamptz
) ON COMMIT DROP;
CREATE TEMPORARY TABLE alias_stage (alias_kind text, alias text) ON COMMIT DROP;
CREATE TEMPORARY TABLE identity_stage (
    raw_lead_id bigint PRIMARY KEY, dievio_lead_id text, is_weak_id boolean, has_conflict boolean,
    duplicate_of_raw_lead_id bigint
) ON COMMIT DROP;

-- name: delete_open_leads(batch_id)!
-- Forgets what an earlier normalization made of rows that have no outcome yet.
DELETE FROM lead AS l
WHERE l.batch_id = :batch_id
  AND NOT EXISTS (SELECT FROM lead_outcome AS o WHERE o.batch_id = l.batch_id AND o.raw_lead_id = l.raw_lead_id);

-- name: count_open_rows(batch_id)$
-- Delivered rows that have no outcome yet.
SELECT count(*)
FROM raw_lead AS r
WHERE r.batch_id = :batch_id
  AND NOT EXISTS (SELECT FROM lead_outcome AS o WHERE o.batch_id = r.batch_id AND o.raw_lead_id = r.raw_lead_id);

-- name: read_open_rows(batch_id, after_raw_lead_id, row_limit)
-- The next delivered rows that have no outcome yet.
SELECT r.raw_lead_id, r.batch_id, r.segment, r.page_number, r.row_number, r.payload, r.request_email_status, r.fetched_at
FROM raw_lead AS r
WHERE r.batch_id = :batch_id
  AND r.raw_lead_id > :after_raw_lead_id
  AND NOT EXISTS (SELECT FROM lead_outcome AS o WHERE o.batch_id = r.batch_id AND o.raw_lead_id = r.raw_lead_id)
ORDER BY r.raw_lead_id
LIMIT :row_limit;

-- name: read_known_aliases()
-- Whose the staged aliases are, with every id, profile and the last name of that person.
SELECT s.alias_kind, s.alias, i.dievio_lead_id, person.explicit_ids, person.slugs, name.fn, name.ln
FROM (SELECT DISTINCT alias_kind, alias FROM alias_stage) AS s
JOIN lead_identity AS i ON i.alias_kind = s.alias_kind AND i.alias = s.alias
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(a.alias) FILTER (WHERE a.alias_kind = 'explicit'), '{}') AS explicit_ids,
           coalesce(array_agg(a.alias) FILTER (WHERE a.alias_kind = 'linkedin'), '{}') AS slugs
    FROM lead_identity AS a
    WHERE a.dievio_lead_id = i.dievio_lead_id
) AS person
LEFT JOIN LATERAL (
    SELECT l.fn, l.ln
    FROM lead AS l
    WHERE l.dievio_lead_id = i.dievio_lead_id
    ORDER BY l.normalized_at DESC
    LIMIT 1
) AS name ON true;

-- name: read_settled_persons(batch_id)
-- Persons of whom the batch already settled a copy, with the row that counts.
SELECT DISTINCT ON (l.dievio_lead_id)
    l.dievio_lead_id, coalesce(l.duplicate_of_raw_lead_id, l.raw_lead_id) AS raw_lead_id
FROM lead AS l
JOIN lead_outcome AS o ON o.batch_id = l.batch_id AND o.raw_lead_id = l.raw_lead_id
WHERE l.batch_id = :batch_id
ORDER BY l.dievio_lead_id, l.duplicate_of_raw_lead_id NULLS FIRST;

-- name: insert_staged_leads(batch_id, key_version, normalized_at)!
-- Gives the staged leads their ids.
INSERT INTO lead (
    batch_id, raw_lead_id, segment, dievio_lead_id, is_weak_id, duplicate_of_raw_lead_id, field_values, confidences,
    source_paths, flags, key_version, em, li, dm, fn, ln, co, ti, ph, pe, st, fetched_at, normalized_at
)
SELECT
    :batch_id, s.raw_lead_id, s.segment, i.dievio_lead_id, i.is_weak_id, i.duplicate_of_raw_lead_id,
    s.field_values || jsonb_build_object('dievio_lead_id', i.dievio_lead_id), s.confidences, s.source_paths,
    CASE WHEN i.has_conflict THEN s.flags || 'identity_conflict'::text ELSE s.flags END,
    :key_version, s.em, s.li, s.dm, s.fn, s.ln, s.co, s.ti, s.ph, s.pe, s.st, s.fetched_at, :normalized_at
FROM lead_stage AS s
JOIN identity_stage AS i USING (raw_lead_id);

-- name: settle_quarantine(batch_id, settled_at)!
-- The outcome of every quarantined row that has none.
INSERT INTO lead_outcome (batch_id, raw_lead_id, outcome, reason_code, settled_at)
SELECT q.batch_id, q.raw_lead_id, 'quarantine', q.reasons -> 0 ->> 'code', :settled_at
FROM quarantine AS q
WHERE q.batch_id = :batch_id
ON CONFLICT (batch_id, raw_lead_id) DO NOTHING;

-- name: settle_duplicates(batch_id, settled_at)!
-- The outcome of every further copy of a person.
INSERT INTO lead_outcome (batch_id, raw_lead_id, dievio_lead_id, outcome, reason_code, settled_at)
SELECT l.batch_id, l.raw_lead_id, l.dievio_lead_id, 'skipped', 'duplicate_in_batch', :settled_at
FROM lead AS l
WHERE l.batch_id = :batch_id AND l.duplicate_of_raw_lead_id IS NOT NULL
ON CONFLICT (batch_id, raw_lead_id) DO NOTHING;

-- name: read_leads(batch_id, after_raw_lead_id, row_limit)
-- The next leads of a batch as normalization left them, whatever enrichment made of them since; copies included.
SELECT raw_lead_id, batch_id, segment, dievio_lead_id, is_weak_id, duplicate_of_raw_lead_id,
       coalesce(delivered_values, field_values) AS field_values,
       coalesce(delivered_confidences, confidences) AS confidences, source_paths,
       coalesce(delivered_flags, flags) AS flags, em, li, dm, fn, ln, co, ti, ph, pe, st, fetched_at
FROM lead
WHERE batch_id = :batch_id AND raw_lead_id > :after_raw_lead_id
ORDER BY raw_lead_id
LIMIT :row_limit;

-- name: read_open_leads(batch_id, dievio_lead_ids, after_raw_lead_id, row_limit)
-- The next leads that still need an outcome: one row per person; all persons where no ids are given.
SELECT l.raw_lead_id, l.batch_id, l.segment, l.dievio_lead_id, l.is_weak_id, l.duplicate_of_raw_lead_id, l.field_values,
       l.confidences, l.source_paths, l.flags, l.em, l.li, l.dm, l.fn, l.ln, l.co, l.ti, l.ph, l.pe, l.st, l.fetched_at
FROM lead AS l
WHERE l.batch_id = :batch_id
  AND l.duplicate_of_raw_lead_id IS NULL
  AND l.raw_lead_id > :after_raw_lead_id
  AND (:dievio_lead_ids::text[] IS NULL OR l.dievio_lead_id = ANY (:dievio_lead_ids::text[]))
  AND NOT EXISTS (SELECT FROM lead_outcome AS o WHERE o.batch_id = l.batch_id AND o.raw_lead_id = l.raw_lead_id)
ORDER BY l.raw_lead_id
LIMIT :row_limit;

-- name: read_rows(batch_id, after_raw_lead_id, row_limit)
-- The next delivered rows of a batch, settled or not.
SELECT raw_lead_id, batch_id, segment, page_number, row_number, payload, request_email_status, fetched_at
FROM raw_lead
WHERE batch_id = :batch_id AND raw_lead_id > :after_raw_lead_id
ORDER BY raw_lead_id
LIMIT :row_limit;

-- name: count_payload_keys(batch_id, raw_objects)
-- How many delivered objects carry each key, and each key of their provider objects as object.key.
WITH objects AS MATERIALIZED (
    SELECT payload FROM raw_lead WHERE batch_id = :batch_id AND jsonb_typeof(payload) = 'object'
)
SELECT key, count(*) AS row_count
FROM objects, jsonb_object_keys(payload) AS key
GROUP BY key
UNION ALL
SELECT scope || '.' || key, count(*)
FROM objects,
     unnest(:raw_objects::text[]) AS scope,
     jsonb_object_keys(CASE jsonb_typeof(payload -> scope) WHEN 'object' THEN payload -> scope ELSE '{}' END) AS key
GROUP BY scope, key
UNION ALL
SELECT '', count(*)
FROM objects;

-- name: refresh_statistics#
-- Tell the planner how many leads the batch has; see the statement of this name in `matches`.
ANALYZE raw_lead, lead, lead_outcome;
