-- name: delete_unsent(batch_id)!
-- Memberships that were never sent, or refused, are planned anew: the rules or the org may have been mended.
DELETE FROM campaign_membership WHERE batch_id = :batch_id AND state IN ('planned', 'refused');

-- name: insert_planned(batch_id, rules, at)!
-- Who of a batch is to become a member: those created, and those updated where the rule says so.
INSERT INTO campaign_membership (batch_id, dievio_lead_id, campaign_id, object_name, salesforce_id, member_status, state,
                                 planned_at)
SELECT DISTINCT ON (o.dievio_lead_id, r.campaign_id)
       o.batch_id, o.dievio_lead_id, r.campaign_id, o.object_name, o.salesforce_id, r.member_status, 'planned', :at
FROM lead_outcome AS o
JOIN lead AS l ON l.batch_id = o.batch_id AND l.raw_lead_id = o.raw_lead_id
JOIN jsonb_to_recordset(:rules) AS r (
    segment text, campaign_id text, member_status text, includes_updated boolean) ON r.segment = l.segment
WHERE o.batch_id = :batch_id AND o.object_name IN ('Lead', 'Contact') AND o.salesforce_id IS NOT NULL
  AND (o.outcome = 'created' OR (o.outcome = 'updated' AND r.includes_updated))
ORDER BY o.dievio_lead_id, r.campaign_id, o.raw_lead_id
ON CONFLICT (batch_id, dievio_lead_id, campaign_id) DO NOTHING;

-- name: list_open(batch_id)
-- Memberships without an end, by Campaign and kind of person.
SELECT dievio_lead_id, campaign_id, object_name, salesforce_id, member_status, state
FROM campaign_membership
WHERE batch_id = :batch_id AND state IN ('planned', 'sent')
ORDER BY campaign_id, object_name, dievio_lead_id;

-- name: update_sent(batch_id, run_id, members, at)!
-- Committed before a call leaves: from here on only the org can tell.
UPDATE campaign_membership AS m
SET state = 'sent', run_id = :run_id, sent_at = :at, error_code = NULL
FROM jsonb_to_recordset(:members) AS s (dievio_lead_id text, campaign_id text)
WHERE m.batch_id = :batch_id AND m.dievio_lead_id = s.dievio_lead_id AND m.campaign_id = s.campaign_id
  AND m.state IN ('planned', 'sent');

-- name: settle(batch_id, run_id, actor, ends, at)!
-- What became of memberships, with one entry in the log for each that ended just now. No receipt, so no op id.
WITH ended AS (
    UPDATE campaign_membership AS m
    SET state = e.state, run_id = coalesce(m.run_id, :run_id), member_id = e.member_id, error_code = e.error_code,
        resolved_at = CASE WHEN e.state IN ('added', 'present', 'refused') THEN :at::timestamptz END
    FROM jsonb_to_recordset(:ends) AS e (dievio_lead_id text, campaign_id text, state text, member_id text,
                                         error_code text, request_id text, payload jsonb, payload_sha256 text)
    WHERE m.batch_id = :batch_id AND m.dievio_lead_id = e.dievio_lead_id AND m.campaign_id = e.campaign_id
      AND m.state IN ('planned', 'sent')
    RETURNING m.*, e.request_id, e.payload, e.payload_sha256
)
INSERT INTO sync_log (logged_at, batch_id, run_id, dievio_lead_id, operation, object_name, salesforce_id,
                      payload_sha256, mapping_version, fields_changed, actor, request_id, outcome, error_code)
SELECT :at, d.batch_id, d.run_id, d.dievio_lead_id, 'join_campaign', 'CampaignMember', d.member_id, d.payload_sha256,
       coalesce(b.mapping_version, ''),
       CASE WHEN d.state = 'present' THEN '[]' ELSE
           (SELECT jsonb_agg(jsonb_build_object('field', f.key, 'before', NULL, 'after', f.value) ORDER BY f.key)
            FROM jsonb_each(d.payload) AS f) END,
       :actor, d.request_id, CASE d.state WHEN 'added' THEN 'applied' ELSE d.state END, d.error_code
FROM ended AS d JOIN batch AS b USING (batch_id)
WHERE d.resolved_at IS NOT NULL;

-- name: count_states(batch_id)
-- How many memberships of the batch stand where.
SELECT state, count(*) AS members FROM campaign_membership WHERE batch_id = :batch_id GROUP BY state;

-- name: count_added_by_run(batch_id, run_id)$
-- Memberships that a run made.
SELECT count(*) FROM campaign_membership WHERE batch_id = :batch_id AND run_id = :run_id AND state = 'added';

-- name: list_added_by_run(run_id)
-- The members that a run made, in any batch.
SELECT member_id FROM campaign_membership WHERE run_id = :run_id AND state = 'added' ORDER BY member_id;

-- name: count_expected(batch_id, rules)
-- People whom a run would look up in each Campaign: by their outcome, or by the plan where they have none yet.
SELECT r.campaign_id, count(DISTINCT l.dievio_lead_id) AS people
FROM lead AS l
JOIN jsonb_to_recordset(:rules) AS r (segment text, campaign_id text, includes_updated boolean) ON r.segment = l.segment
LEFT JOIN settled_outcome AS o ON o.batch_id = l.batch_id AND o.raw_lead_id = l.raw_lead_id
LEFT JOIN sync_decision AS d ON d.batch_id = l.batch_id AND d.raw_lead_id = l.raw_lead_id AND o.raw_lead_id IS NULL
WHERE l.batch_id = :batch_id
  AND (o.outcome = 'created' OR d.decision = 'create'
       OR (r.includes_updated AND (o.outcome = 'updated' OR d.decision = 'update')))
  AND NOT EXISTS (SELECT FROM campaign_membership AS m
                  WHERE m.batch_id = l.batch_id AND m.dievio_lead_id = l.dievio_lead_id
                    AND m.campaign_id = r.campaign_id AND m.state IN ('added', 'present'))
GROUP BY r.campaign_id
ORDER BY r.campaign_id;
