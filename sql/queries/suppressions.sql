-- name: add(alias_kind, alias, reason, changed_by, at)!
-- Put somebody on the suppression list; whoever stands there already stays as he was entered.
WITH entered AS (
    INSERT INTO suppression (alias_kind, alias, reason, suppressed_by, suppressed_at)
    VALUES (:alias_kind, :alias, :reason, :changed_by, :at)
    ON CONFLICT (alias_kind, alias) DO NOTHING
    RETURNING alias_kind, alias, reason, suppressed_by, suppressed_at
)
INSERT INTO suppression_change (alias_kind, alias, change, reason, changed_by, changed_at)
SELECT alias_kind, alias, 'added', reason, suppressed_by, suppressed_at FROM entered;

-- name: remove(alias_kind, alias, reason, changed_by, at)!
-- Take somebody off the suppression list.
WITH gone AS (
    DELETE FROM suppression WHERE alias_kind = :alias_kind AND alias = :alias RETURNING alias_kind, alias
)
INSERT INTO suppression_change (alias_kind, alias, change, reason, changed_by, changed_at)
SELECT alias_kind, alias, 'removed', :reason, :changed_by, :at FROM gone;

-- name: list_entries()
-- The suppression list, the newest entry first.
SELECT alias_kind, alias, reason, suppressed_by AS changed_by, suppressed_at AS changed_at
FROM suppression
ORDER BY suppressed_at DESC, alias_kind, alias;

-- name: list_changes()
-- Every change of the suppression list, the newest first.
SELECT alias_kind, alias, change, reason, changed_by, changed_at
FROM suppression_change
ORDER BY suppression_change_id DESC;

-- name: list_suppressed(batch_id)
-- People of a batch who stand on the list: by what their row says, or by anything else that they are known by.
SELECT l.dievio_lead_id FROM suppression AS s JOIN lead AS l ON l.dievio_lead_id = s.alias
WHERE s.alias_kind = 'dievio_lead_id' AND l.batch_id = :batch_id
UNION
SELECT l.dievio_lead_id FROM suppression AS s JOIN lead AS l ON l.em = s.alias
WHERE s.alias_kind = 'email' AND l.batch_id = :batch_id
UNION
SELECT l.dievio_lead_id FROM suppression AS s JOIN lead AS l ON l.pe = s.alias
WHERE s.alias_kind = 'email' AND l.batch_id = :batch_id
UNION
SELECT l.dievio_lead_id FROM suppression AS s JOIN lead AS l ON l.li = s.alias
WHERE s.alias_kind = 'linkedin' AND l.batch_id = :batch_id
UNION
SELECT l.dievio_lead_id FROM suppression AS s JOIN lead AS l ON l.dm = s.alias
WHERE s.alias_kind = 'domain' AND l.batch_id = :batch_id
UNION
SELECT l.dievio_lead_id
FROM suppression AS s
JOIN lead_identity AS i ON i.alias_kind = s.alias_kind AND i.alias = s.alias
JOIN lead AS l ON l.dievio_lead_id = i.dievio_lead_id
WHERE l.batch_id = :batch_id;

-- name: is_profile_listed(dievio_lead_id, slug)$
-- Whether a person stands on the list by a profile, our id or anything else that they are known by.
SELECT EXISTS (SELECT FROM suppression AS s
               LEFT JOIN lead_identity AS i ON i.alias_kind = s.alias_kind AND i.alias = s.alias
               WHERE (s.alias_kind = 'linkedin' AND s.alias = :slug)
                  OR (s.alias_kind = 'dievio_lead_id' AND s.alias = :dievio_lead_id)
                  OR i.dievio_lead_id = :dievio_lead_id);

-- name: count_records(alias_kind, alias)$
-- Live Leads and Contacts of the org that an entry is about.
SELECT count(*)::integer
FROM directory_record AS r
WHERE r.object_name IN ('Lead', 'Contact') AND NOT r.is_deleted
  AND CASE :alias_kind::text
          WHEN 'email' THEN r.em = :alias
          WHEN 'linkedin' THEN r.li = :alias
          WHEN 'domain' THEN r.dm = :alias
          ELSE r.dievio_lead_id = :alias
      END;

-- name: list_stale(row_limit)
-- Stale records that active work leaves out, the oldest first.
SELECT object_name, salesforce_id, dievio_lead_id, last_enriched_at, flagged_at
FROM suppressed_record
ORDER BY last_enriched_at, salesforce_id
LIMIT :row_limit;
