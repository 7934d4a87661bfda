-- name: list_waiting(batch_id, run_id)
-- New leads of the batch that wait for their owner, with what routing and the write need. What another run was refused
-- is routed anew: the rules or the roster may have been mended. Its assignment stays, as its first try may still land.
SELECT o.dievio_lead_id, o.raw_lead_id, o.salesforce_id, l.segment, l.field_values ->> 'country' AS country,
       (l.field_values ->> 'employee_count')::numeric::bigint AS employee_count,
       l.field_values ->> 'seniority' AS seniority, l.em, l.li, l.fn, l.ln, l.dm,
       w.payload ->> 'OwnerId' AS holding_owner_id, w.mapping_version,
       b.fields ->> 'OwnerId' AS owner_id, (b.fields ->> 'LastModifiedDate')::timestamptz AS last_modified_at,
       b.fields ->> 'Dievio_Last_Op__c' AS receipt,
       b.server_read_at AS read_at, coalesce(b.is_missing, true) AS is_missing,
       h.rule, CASE h.state WHEN 'planned' THEN h.to_owner_id END AS to_owner_id,
       (SELECT count(*) FROM write_intent AS r
        WHERE r.batch_id = o.batch_id AND r.dievio_lead_id = o.dievio_lead_id AND r.purpose = 'hand_over'
          AND r.state = 'refused') AS refusal_count
FROM lead_outcome AS o
JOIN lead AS l ON l.batch_id = o.batch_id AND l.raw_lead_id = o.raw_lead_id
JOIN write_intent AS w ON w.op_id = o.op_id
LEFT JOIN readback AS b ON b.batch_id = o.batch_id AND b.dievio_lead_id = o.dievio_lead_id
LEFT JOIN handover AS h ON h.batch_id = o.batch_id AND h.dievio_lead_id = o.dievio_lead_id
WHERE o.batch_id = :batch_id AND o.outcome = 'created' AND o.object_name = 'Lead'
  AND (coalesce(h.state, 'planned') = 'planned'
       OR (h.state = 'refused'
           AND NOT EXISTS (SELECT FROM write_intent AS r WHERE r.op_id = h.op_id AND r.run_id = :run_id)))
  AND NOT EXISTS (SELECT FROM write_intent AS x
                  WHERE x.dievio_lead_id = o.dievio_lead_id AND x.state IN ('sent', 'unknown'))
ORDER BY o.raw_lead_id;

-- name: upsert_handovers(batch_id, handovers)!
-- Keep assignments before they are carried out, so that a run that dies goes on with the same owners.
INSERT INTO handover (batch_id, dievio_lead_id, salesforce_id, rule, from_owner_id, to_owner_id, state, reason)
SELECT :batch_id, dievio_lead_id, salesforce_id, rule, from_owner_id, to_owner_id, state, reason
FROM jsonb_to_recordset(:handovers) AS h (
    dievio_lead_id text, salesforce_id text, rule text, from_owner_id text, to_owner_id text, state text, reason text)
ON CONFLICT (batch_id, dievio_lead_id) DO UPDATE
SET state = excluded.state, reason = excluded.reason, rule = excluded.rule, to_owner_id = excluded.to_owner_id,
    op_id = NULL;

-- name: count_assigned_by_rule()
-- Leads that each rule has placed so far: where the turn goes on.
SELECT rule, count(*) AS leads FROM handover WHERE state IN ('planned', 'done') GROUP BY rule;

-- name: list_roster()
-- Users and queues that may own leads.
SELECT salesforce_id, kind = 'queue' AS is_queue, name, developer_name, is_active,
       fields ->> 'Department' AS department, fields ->> 'Title' AS title, fields ->> 'Country' AS country,
       fields ->> 'UserType' AS user_type
FROM roster;

-- name: list_states(batch_id)
-- How many assignments of the batch ended how.
SELECT state, count(*) AS leads FROM handover WHERE batch_id = :batch_id GROUP BY state;
