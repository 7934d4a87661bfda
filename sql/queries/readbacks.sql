-- name: is_closed(batch_id)$
-- Whether the batch needs no further reading: all its gates passed after its last write, and no new lead waits for
-- its owner.
SELECT
    EXISTS (SELECT FROM gate_result AS g WHERE g.batch_id = :batch_id AND g.stage = 'readback')
    AND NOT EXISTS (
        SELECT FROM gate_result AS g
        WHERE g.batch_id = :batch_id AND g.stage = 'readback' AND g.is_blocking
          AND (NOT g.passed
               OR g.checked_at < (SELECT max(w.resolved_at) FROM write_intent AS w
                                  WHERE w.batch_id = :batch_id AND w.purpose IN ('sync', 'review', 'replay')
                                    AND w.state = 'applied')))
    AND NOT EXISTS (
        SELECT FROM lead_outcome AS o
        WHERE o.batch_id = :batch_id AND o.outcome = 'created'
          AND NOT EXISTS (SELECT FROM handover AS h
                          WHERE h.batch_id = o.batch_id AND h.dievio_lead_id = o.dievio_lead_id
                            AND h.state IN ('done', 'kept')));

-- name: get_last_write_at(batch_id)$
-- When the last write of the batch was answered.
SELECT max(resolved_at) FROM write_intent WHERE batch_id = :batch_id AND state = 'applied';

-- name: copy_mirror(batch_id, at, server_at, only_new)!
-- Records of the batch as the mirror holds them, where the mirror has seen our write: its receipt is one of ours, or a
-- later one of ours, or the record is deleted; and it holds every field that was sent and is still there.
INSERT INTO readback (batch_id, dievio_lead_id, object_name, salesforce_id, fields, is_missing, read_at,
                      server_read_at)
SELECT w.batch_id, w.dievio_lead_id, w.object_name, w.salesforce_id,
       r.fields || jsonb_build_object('OwnerId', r.owner_id, 'LastModifiedById', r.last_modified_by_id),
       r.is_deleted, :at, :server_at
FROM lead_outcome AS o
JOIN write_intent AS w ON w.op_id = o.op_id
JOIN directory_record AS r ON r.object_name = w.object_name AND r.salesforce_id = w.salesforce_id
WHERE o.batch_id = :batch_id AND o.outcome IN ('created', 'updated')
  AND EXISTS (SELECT FROM write_intent AS own
              WHERE own.dievio_lead_id = w.dievio_lead_id AND own.state = 'applied' AND own.sent_at >= w.sent_at
                AND own.op_id::text = r.fields ->> 'Dievio_Last_Op__c')
  AND NOT (:only_new AND EXISTS (SELECT FROM readback AS b
                                 WHERE b.batch_id = o.batch_id AND b.dievio_lead_id = o.dievio_lead_id
                                   AND b.read_at >= o.settled_at))
  AND r.fields ?& ARRAY(SELECT jsonb_object_keys(w.payload) EXCEPT SELECT 'OwnerId'
                        EXCEPT SELECT split_part(f.subject, '.', 2) FROM field_drift AS f
                        WHERE f.batch_id = w.batch_id AND f.code = 'field_gone'
                          AND split_part(f.subject, '.', 1) = w.object_name)
ON CONFLICT (batch_id, dievio_lead_id) DO UPDATE
SET fields = excluded.fields, is_missing = excluded.is_missing, read_at = excluded.read_at,
    server_read_at = excluded.server_read_at;

-- name: list_unread(batch_id, at, only_new)
-- Written records that the mirror could not show as they are now, or, for the new ones only, as they were written.
SELECT w.dievio_lead_id, w.object_name, w.salesforce_id,
       ARRAY(SELECT jsonb_object_keys(w.payload)
             EXCEPT SELECT split_part(f.subject, '.', 2) FROM field_drift AS f
             WHERE f.batch_id = w.batch_id AND f.code = 'field_gone'
               AND split_part(f.subject, '.', 1) = w.object_name) AS field_names
FROM lead_outcome AS o
JOIN write_intent AS w ON w.op_id = o.op_id
WHERE o.batch_id = :batch_id AND o.outcome IN ('created', 'updated')
  AND NOT EXISTS (SELECT FROM readback AS b
                  WHERE b.batch_id = o.batch_id AND b.dievio_lead_id = o.dievio_lead_id 
                    AND b.read_at >= CASE WHEN :only_new THEN o.settled_at ELSE :at END)
ORDER BY w.salesforce_id;

-- name: upsert_readbacks(batch_id, records, at, server_at)!
-- Keep records that were read by their id.
INSERT INTO readback (batch_id, dievio_lead_id, object_name, salesforce_id, fields, is_missing, read_at,
                      server_read_at)
SELECT :batch_id, dievio_lead_id, object_name, salesforce_id, fields, is_missing, :at, :server_at
FROM jsonb_to_recordset(:records) AS r (
    dievio_lead_id text, object_name text, salesforce_id text, fields jsonb, is_missing boolean)
ON CONFLICT (batch_id, dievio_lead_id) DO UPDATE
SET fields = excluded.fields, is_missing = excluded.is_missing, read_at = excluded.read_at,
    server_read_at = excluded.server_read_at;

-- name: count_readbacks(batch_id)^
-- How many records were read back, and how many of them are gone.
SELECT count(*) AS records, count(*) FILTER (WHERE is_missing) AS missing FROM readback WHERE batch_id = :batch_id;

-- name: refresh_statistics#
-- Tell the planner what was just read, for the gates that follow.
ANALYZE readback, lead_outcome, write_intent, directory_record;
