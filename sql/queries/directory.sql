-- name: create_directory_stage#
-- Make the table that a page of records is copied into; it ends with the transaction.
CREATE TEMPORARY TABLE IF NOT EXISTS directory_stage ON COMMIT DROP AS SELECT * FROM directory_record WITH NO DATA;

-- name: clear_directory_stage()!
-- Empty it for the next page of the same transaction.
DELETE FROM directory_stage;

-- name: merge_directory_stage()
-- Take over what is new; a row older than ours changes nothing, an equal one is not rewritten. Return the ids taken over.
INSERT INTO directory_record AS held
SELECT DISTINCT ON (object_name, salesforce_id) *
FROM directory_stage
ORDER BY object_name, salesforce_id, system_modstamp DESC
ON CONFLICT (object_name, salesforce_id) DO UPDATE SET
    fields = excluded.fields,
    dievio_lead_id = excluded.dievio_lead_id,
    owner_id = excluded.owner_id,
    last_modified_by_id = excluded.last_modified_by_id,
    is_deleted = excluded.is_deleted,
    master_record_id = excluded.master_record_id,
    is_converted = excluded.is_converted,
    converted_contact_id = excluded.converted_contact_id,
    last_modified_at = excluded.last_modified_at,
    system_modstamp = excluded.system_modstamp,
    key_version = excluded.key_version,
    em = excluded.em, li = excluded.li, dm = excluded.dm, fn = excluded.fn, ln = excluded.ln,
    co = excluded.co, ti = excluded.ti, ph = excluded.ph, pe = excluded.pe, st = excluded.st
WHERE excluded.system_modstamp >= held.system_modstamp
  AND (excluded.fields, excluded.key_version, excluded.is_deleted)
      IS DISTINCT FROM (held.fields, held.key_version, held.is_deleted)
RETURNING salesforce_id;

-- name: list_contacts_with_stale_account(account_ids)
-- Contacts whose account was renamed or moved to another website: Salesforce does not touch the contact then.
SELECT contact.salesforce_id, contact.fields, contact.system_modstamp,
       account.fields ->> 'Name' AS account_name, account.fields ->> 'Website' AS account_website
FROM directory_record AS account
JOIN directory_record AS contact
  ON contact.object_name = 'Contact' AND contact.fields ->> 'AccountId' = account.salesforce_id
WHERE account.object_name = 'Account'
  AND account.salesforce_id = ANY (:account_ids)
  AND (contact.fields ->> 'Account.Name', contact.fields ->> 'Account.Website')
      IS DISTINCT FROM (account.fields ->> 'Name', account.fields ->> 'Website');

-- name: find_watermark(name)^
-- How far an object has been read.
SELECT system_modstamp, last_id, selection_sha256 FROM watermark WHERE name = :name;

-- name: move_watermark(name, system_modstamp, last_id, selection_sha256, updated_at)!
-- It never moves back, except when another selection is read from the start.
INSERT INTO watermark AS held (name, system_modstamp, last_id, selection_sha256, updated_at)
VALUES (:name, :system_modstamp, :last_id, :selection_sha256, :updated_at)
ON CONFLICT (name) DO UPDATE SET
    system_modstamp = excluded.system_modstamp,
    last_id = excluded.last_id,
    selection_sha256 = excluded.selection_sha256,
    updated_at = excluded.updated_at
WHERE (excluded.system_modstamp, excluded.last_id) >= (held.system_modstamp, held.last_id)
   OR excluded.selection_sha256 <> held.selection_sha256;

-- name: merge_roster(owners)!
-- Take owners over; one that is the same or older changes nothing.
INSERT INTO roster AS held (salesforce_id, kind, name, developer_name, is_active, fields, system_modstamp)
SELECT salesforce_id, kind, name, developer_name, is_active, fields, system_modstamp
FROM jsonb_to_recordset(:owners) AS o (
    salesforce_id text, kind text, name text, developer_name text, is_active boolean, fields jsonb,
    system_modstamp timestamptz)
ON CONFLICT (salesforce_id) DO UPDATE SET
    name = excluded.name,
    developer_name = excluded.developer_name,
    is_active = excluded.is_active,
    fields = excluded.fields,
    system_modstamp = excluded.system_modstamp
WHERE excluded.system_modstamp >= held.system_modstamp
  AND (excluded.is_active, excluded.fields) IS DISTINCT FROM (held.is_active, held.fields);

-- name: retire_missing_queues(present_ids)!
-- A deleted queue leaves no trace in the org: what is no longer listed may not own leads.
UPDATE roster SET is_active = false WHERE kind = 'queue' AND is_active AND NOT salesforce_id = ANY (:present_ids);

-- name: count_living_records()
-- How many records of each object the mirror holds, deleted ones left out.
SELECT object_name, count(*) AS mirror_count FROM directory_record WHERE NOT is_deleted GROUP BY object_name;

-- name: find_last_count()$
-- When the mirror was last counted against the org.
SELECT max(counted_at) FROM directory_count;

-- name: record_count(object_name, org_count, mirror_count, counted_at)!
-- Keep one comparison.
INSERT INTO directory_count (object_name, org_count, mirror_count, counted_at)
VALUES (:object_name, :org_count, :mirror_count, :counted_at);

-- name: list_latest_counts()
-- The last comparison of each object.
SELECT DISTINCT ON (object_name) object_name, org_count, mirror_count, counted_at
FROM directory_count
ORDER BY object_name, counted_at DESC;

-- name: find_org_schema(object_name)^
-- What the org last said about an object.
SELECT describe, sha256, last_modified_header, last_seen_at
FROM org_schema
WHERE object_name = :object_name
ORDER BY last_seen_at DESC
LIMIT 1;

-- name: doubt_org_schemas()!
-- Let every schema count as a day old and unconditionally unknown, so that the next refresh asks the org anew.
UPDATE org_schema
SET last_modified_header = NULL,
    last_seen_at = last_seen_at - interval '1 day';

-- name: keep_org_schema(object_name, sha256, describe, last_modified_header, seen_at)!
-- Keep a schema once per content, and when it was last true.
INSERT INTO org_schema AS held (
    object_name, sha256, describe, last_modified_header, first_seen_at, last_seen_at, current_since)
VALUES (:object_name, :sha256, :describe, :last_modified_header, :seen_at, :seen_at, :seen_at)
ON CONFLICT (object_name, sha256) DO UPDATE SET
    last_modified_header = excluded.last_modified_header,
    last_seen_at = excluded.last_seen_at,
    -- an org that went back to what it said before has changed all the same
    current_since = CASE WHEN EXISTS (SELECT FROM org_schema AS newer
                                      WHERE newer.object_name = held.object_name
                                        AND newer.last_seen_at > held.last_seen_at)
                         THEN excluded.last_seen_at ELSE held.current_since END;
