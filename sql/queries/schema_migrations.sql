-- name: acquire_migration_lock(key)$
-- Let one process at a time change the schema; the others wait here.
SELECT pg_advisory_lock(:key);

-- name: release_migration_lock(key)$
-- Let the next process look.
SELECT pg_advisory_unlock(:key);

-- name: create_schema_migration_table()!
-- The one table that is made before the first migration: which files were applied, with the hash of their text.
CREATE TABLE IF NOT EXISTS schema_migration (
    name       text PRIMARY KEY,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- name: list_applied_migrations()
-- What the database has, in the order of the files.
SELECT name, sha256 FROM schema_migration ORDER BY name;

-- name: insert_applied_migration(name, sha256)!
-- Note that a file was applied, in the transaction that applied it.
INSERT INTO schema_migration (name, sha256) VALUES (:name, :sha256);
