-- name: keep_org_fact(name, value, seen_at)!
-- Keep what was learned last.
INSERT INTO org_fact (name, value, seen_at)
VALUES (:name, :value, :seen_at)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, seen_at = excluded.seen_at;

-- name: find_org_fact(name)$
-- What is known under this name.
SELECT value FROM org_fact WHERE name = :name;
