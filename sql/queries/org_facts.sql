-- name: keep_org_fact(name, value, seen_at)!
-- Keep what was learned last.
INSERT INTO org_fact (name, value, seen_at)
VALUES (:name, :value, :seen_at)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, seen_at = excluded.seen_at;

-- name: find_org_fact(name)$
-- What is known under this name.
SELECT value FROM org_fact WHERE name = :name;

-- name: find_server_facts(run_database)^
-- Version of the server, whether our user may bring tables up to date, and whether it may use or make Dagster's database.
SELECT current_setting('server_version_num')::int AS version_number,
       has_schema_privilege(current_user, 'public', 'CREATE') AS may_create,
       coalesce((SELECT has_database_privilege(current_user, oid, 'CONNECT')
                 FROM pg_database WHERE datname = :run_database),
                (SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user)) AS may_use_run_database;

-- name: find_last_conversion()$
-- Whether the contact that the last converted lead of ours became carries our id; no row when none was converted.
SELECT contact.dievio_lead_id IS NOT NULL
FROM directory_record AS lead
JOIN directory_record AS contact
    ON contact.object_name = 'Contact' AND contact.salesforce_id = lead.converted_contact_id AND NOT contact.is_deleted
WHERE lead.object_name = 'Lead' AND lead.is_converted AND lead.dievio_lead_id IS NOT NULL
ORDER BY lead.last_modified_at DESC
LIMIT 1;
