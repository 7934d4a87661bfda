-- name: list_leads_of_alias(alias_kind, alias)
-- Whose an alias is.
SELECT dievio_lead_id FROM lead_identity WHERE alias_kind = :alias_kind AND alias = :alias ORDER BY 1;

-- name: list_records_by_email(em)
-- Records of the org with an e-mail key.
SELECT object_name, salesforce_id, dievio_lead_id FROM directory_record WHERE em = :em ORDER BY salesforce_id;

-- name: list_leads_of_record(salesforce_id)
-- Leads that are, or were, written to a record.
SELECT dievio_lead_id FROM salesforce_link WHERE salesforce_id = :salesforce_id
UNION
SELECT dievio_lead_id FROM directory_record WHERE salesforce_id = :salesforce_id AND dievio_lead_id IS NOT NULL
ORDER BY 1;

-- name: find_record(salesforce_id)^
-- A record as the mirror holds it.
SELECT object_name, salesforce_id, dievio_lead_id, fields, is_deleted, is_converted, master_record_id,
       converted_contact_id, last_modified_by_id, last_modified_at
FROM directory_record
WHERE salesforce_id = :salesforce_id;

-- name: find_link(dievio_lead_id)^
-- The record that a lead is written to.
SELECT object_name, salesforce_id FROM salesforce_link WHERE dievio_lead_id = :dievio_lead_id;

-- name: has_lead(dievio_lead_id)$
-- Whether an id of ours was ever given.
SELECT EXISTS (SELECT FROM lead WHERE dievio_lead_id = :dievio_lead_id)
    OR EXISTS (SELECT FROM salesforce_link WHERE dievio_lead_id = :dievio_lead_id)
    OR EXISTS (SELECT FROM directory_record WHERE dievio_lead_id = :dievio_lead_id);

-- name: list_batches_of_lead(dievio_lead_id, most)
-- The newest batches that delivered a lead.
SELECT DISTINCT batch_id FROM lead WHERE dievio_lead_id = :dievio_lead_id ORDER BY batch_id DESC LIMIT :most;

-- name: list_events(dievio_lead_id, batch_ids)
-- What happened to a lead in some batches beside its writes, which the log tells; facts hold no values of fields.
SELECT l.fetched_at AS at, 'received' AS step, l.batch_id,
       jsonb_build_object('segment', l.segment, 'page', r.page_number, 'row', r.row_number) AS facts
FROM lead AS l JOIN raw_lead AS r USING (raw_lead_id)
WHERE l.dievio_lead_id = :dievio_lead_id
UNION ALL
SELECT normalized_at, 'normalized', batch_id,
       jsonb_build_object('flags', to_jsonb(flags), 'is_weak_id', is_weak_id,
                          'is_copy', duplicate_of_raw_lead_id IS NOT NULL)
FROM lead WHERE dievio_lead_id = :dievio_lead_id
UNION ALL
SELECT matched_at, 'matched', batch_id,
       jsonb_build_object('grade', grade, 'rule', rule, 'object_name', object_name, 'salesforce_id', salesforce_id,
                          'reason', reason, 'candidates', candidate_count)
FROM match_result WHERE batch_id = ANY (:batch_ids) AND dievio_lead_id = :dievio_lead_id
UNION ALL
SELECT d.planned_at, 'planned', d.batch_id,
       jsonb_build_object('decision', d.decision, 'reason', d.reason, 'mapping_version', d.mapping_version,
                          'fields', (SELECT coalesce(jsonb_agg(f - '{before,after,trimmed_from}'::text[]), '[]')
                                     FROM jsonb_array_elements(d.fields) AS f),
                          'is_waiting', EXISTS (SELECT FROM waiting_row AS n WHERE n.batch_id = d.batch_id
                                                                               AND n.raw_lead_id = d.raw_lead_id),
                          'account', a.finding, 'account_id', a.account_id)
FROM sync_decision AS d
LEFT JOIN account_match AS a ON a.batch_id = d.batch_id AND a.dievio_lead_id = d.dievio_lead_id
WHERE d.batch_id = ANY (:batch_ids) AND d.dievio_lead_id = :dievio_lead_id
UNION ALL
SELECT settled_at, 'ended', batch_id,
       jsonb_build_object('outcome', outcome, 'reason_code', reason_code, 'salesforce_id', salesforce_id)
FROM lead_outcome WHERE dievio_lead_id = :dievio_lead_id
UNION ALL
SELECT read_at, 'read_back', batch_id, jsonb_build_object('salesforce_id', salesforce_id, 'is_missing', is_missing)
FROM readback WHERE batch_id = ANY (:batch_ids) AND dievio_lead_id = :dievio_lead_id
UNION ALL
SELECT handed_over_at, 'handed_over', batch_id,
       jsonb_build_object('state', state, 'rule', rule, 'to_owner_id', to_owner_id, 'reason', reason)
FROM handover WHERE batch_id = ANY (:batch_ids) AND dievio_lead_id = :dievio_lead_id AND handed_over_at IS NOT NULL
UNION ALL
SELECT opened_at, 'asked', batch_id,
       jsonb_build_object('reason', reason, 'question', question, 'owner', owner, 'state', state)
FROM review_item WHERE dievio_lead_id = :dievio_lead_id
UNION ALL
SELECT decided_at, 'decided', batch_id, jsonb_build_object('reason', reason, 'decided_by', decided_by)
FROM review_item WHERE dievio_lead_id = :dievio_lead_id AND state = 'decided'
UNION ALL
SELECT last_failed_at, 'given_up', batch_id,
       jsonb_build_object('stage', stage, 'error_code', error_code, 'cause', cause, 'attempts', attempts,
                          'owner', owner, 'state', state)
FROM dead_letter WHERE dievio_lead_id = :dievio_lead_id
ORDER BY at;

-- name: list_field_values(salesforce_id)
-- What we wrote last to a record, per field.
SELECT field, value, op_id, written_at FROM field_value WHERE salesforce_id = :salesforce_id;

-- name: find_field_decision(dievio_lead_id, batch_ids, field)^
-- What the newest plan said about one field.
SELECT d.planned_at, d.batch_id, d.mapping_version, f ->> 'policy' AS policy, f ->> 'verdict' AS verdict,
       f ->> 'reason' AS reason
FROM sync_decision AS d
CROSS JOIN LATERAL jsonb_array_elements(d.fields) AS f
WHERE d.batch_id = ANY (:batch_ids) AND d.dievio_lead_id = :dievio_lead_id AND f ->> 'field' = :field
ORDER BY d.planned_at DESC
LIMIT 1;
