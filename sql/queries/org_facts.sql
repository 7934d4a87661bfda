-- name: keep_org_fact(name, value, seen_at)!
-- Keep what was learned last.
INSERT INTO org_fact (name, value, seen_at)
VALUES (:name, :value, :seen_at)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, seen_at = excluded.seen_at;

-- name: find_org_fact(name)$
-- What is known under this name.
SELECT value FROM org_fact WHERE name = :name;

-- name: find_server_facts()^
-- Version of the server, and whether our user may bring tables up to date.
SELECT current_setting('server_version_num')::int AS version_number,
       has_schema_privilege(current_user, 'public', 'CREATE') AS may_create;
