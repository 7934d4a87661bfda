-- name: list_accounts(batch_id, dievio_lead_ids)
-- Live Accounts of the mirror that share the domain or the name of a lead's company.
SELECT l.dievio_lead_id, l.dm AS lead_domain, l.co AS lead_company, r.salesforce_id, r.dm AS domain, r.co AS company
FROM lead AS l
LEFT JOIN LATERAL (
    SELECT a.salesforce_id, a.dm, a.co FROM directory_record AS a
    WHERE a.dm = l.dm AND a.object_name = 'Account' AND NOT a.is_deleted
    UNION
    SELECT a.salesforce_id, a.dm, a.co FROM directory_record AS a
    WHERE a.co = l.co AND a.object_name = 'Account' AND NOT a.is_deleted
) AS r ON true
WHERE l.batch_id = :batch_id AND l.duplicate_of_raw_lead_id IS NULL AND l.dievio_lead_id = ANY (:dievio_lead_ids)
ORDER BY l.dievio_lead_id, r.salesforce_id;

-- name: upsert_account_matches(batch_id, matches, at)!
-- Keep what was found; planning again replaces it.
INSERT INTO account_match (batch_id, dievio_lead_id, finding, account_id, candidate_count, found_at)
SELECT :batch_id, m.dievio_lead_id, m.finding, m.account_id, m.candidate_count, :at
FROM jsonb_to_recordset(:matches) AS m (dievio_lead_id text, finding text, account_id text, candidate_count integer)
ON CONFLICT (batch_id, dievio_lead_id) DO UPDATE
SET finding = excluded.finding, account_id = excluded.account_id, candidate_count = excluded.candidate_count,
    found_at = excluded.found_at;

-- name: count_account_matches(batch_id)
-- What the look-ups of a batch found.
SELECT finding, count(*) AS leads FROM account_match WHERE batch_id = :batch_id GROUP BY finding ORDER BY finding;

-- name: get_account_match(batch_id, dievio_lead_id)^
-- What was found about the company of one lead.
SELECT finding, account_id, candidate_count FROM account_match
WHERE batch_id = :batch_id AND dievio_lead_id = :dievio_lead_id;

-- name: list_doubtful_accounts(batch_id)
-- Leads whose Account is not the only one that fits, or is no live Account of the mirror.
SELECT m.dievio_lead_id
FROM account_match AS m
LEFT JOIN directory_record AS r ON r.object_name = 'Account' AND r.salesforce_id = m.account_id AND NOT r.is_deleted
WHERE m.batch_id = :batch_id AND m.account_id IS NOT NULL AND (m.candidate_count <> 1 OR r.salesforce_id IS NULL)
ORDER BY m.dievio_lead_id;
