-- name: create_days(first_on, last_on)$
-- Make the partitions of some days; days that exist are left alone.
SELECT create_sync_log_days(:first_on, :last_on);

-- name: drop_days(before_on)$
-- Drop the partitions of all days before one.
SELECT drop_sync_log_days(:before_on);

-- name: search(dievio_lead_ids, salesforce_id, operation, run_id, since, until, before_id, most)
-- Entries that fit every condition given, newest first. A null condition fits all; `before_id` goes on within `until`.
SELECT sync_log_id, logged_at, batch_id, run_id, dievio_lead_id, operation, object_name, salesforce_id, op_id,
       payload_sha256, mapping_version, fields_changed, actor, request_id, outcome, error_code
FROM sync_log
WHERE (:dievio_lead_ids::text[] IS NULL OR dievio_lead_id = ANY (:dievio_lead_ids::text[]))
  AND (:salesforce_id::text IS NULL OR salesforce_id = :salesforce_id::text)
  AND (:operation::text IS NULL OR operation = :operation::text)
  AND (:run_id::text IS NULL OR run_id = :run_id::text)
  AND (:since::timestamptz IS NULL OR logged_at >= :since::timestamptz)
  AND (:until::timestamptz IS NULL OR logged_at <= :until::timestamptz)
  AND (:before_id::bigint IS NULL OR (logged_at, sync_log_id) < (:until::timestamptz, :before_id::bigint))
ORDER BY logged_at DESC, sync_log_id DESC
LIMIT :most;
