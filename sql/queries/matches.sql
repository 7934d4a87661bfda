-- name: list_open_leads(batch_id, after, dievio_lead_ids, page_size)
-- One page, by id, of the leads that are to be matched: first copies of a person without an outcome.
SELECT l.dievio_lead_id, l.em, l.li, l.dm, l.fn, l.ln, l.co, l.ti, l.ph, l.pe, l.st
FROM lead AS l
WHERE l.batch_id = :batch_id
  AND l.duplicate_of_raw_lead_id IS NULL
  AND l.dievio_lead_id > :after
  AND (:dievio_lead_ids::text[] IS NULL OR l.dievio_lead_id = ANY (:dievio_lead_ids::text[]))
  AND NOT EXISTS (SELECT FROM settled_outcome AS o WHERE o.batch_id = l.batch_id AND o.raw_lead_id = l.raw_lead_id)
ORDER BY l.dievio_lead_id
LIMIT :page_size;

-- name: count_open_leads(batch_id, dievio_lead_ids)$
-- How many leads list_open_leads gives over all its pages.
SELECT count(*)
FROM lead AS l
WHERE l.batch_id = :batch_id
  AND l.duplicate_of_raw_lead_id IS NULL
  AND (:dievio_lead_ids::text[] IS NULL OR l.dievio_lead_id = ANY (:dievio_lead_ids::text[]))
  AND NOT EXISTS (SELECT FROM settled_outcome AS o WHERE o.batch_id = l.batch_id AND o.raw_lead_id = l.raw_lead_id);

-- name: find_candidates(batch_id, dievio_lead_ids, max_candidates)
-- For each lead and rule, the records that share the rule's keys: one index probe each, so the cost follows the leads
-- and not the size of the org. Deleted records come up only by our own id or link, where they are followed.
SELECT l.dievio_lead_id AS for_lead_id, hit.*
FROM lead AS l
CROSS JOIN LATERAL (
    (SELECT 'BLOCK_ANSWER_MATCH_ANSWER' AS rule, m.salesforce_id, r.object_name, r.is_deleted, r.master_record_id,
            r.is_converted, r.converted_contact_id, r.em, r.li, r.dm, r.fn, r.ln, r.co, r.ti, r.ph, r.pe, r.st
     FROM pair_memory AS m
     JOIN directory_record AS r ON r.salesforce_id = m.salesforce_id
     WHERE m.dievio_lead_id = l.dievio_lead_id AND m.answer = 'same')
    UNION ALL
    (SELECT 'BLOCK_ID_MATCH_PERSON', r.salesforce_id, r.object_name, r.is_deleted, r.master_record_id,
            r.is_converted, r.converted_contact_id, r.em, r.li, r.dm, r.fn, r.ln, r.co, r.ti, r.ph, r.pe, r.st
     FROM directory_record AS r
     WHERE r.dievio_lead_id = l.dievio_lead_id)
    UNION ALL
    -- a link to a record that the mirror does not know stands for a record that is gone
    (SELECT 'BLOCK_LINK_MATCH_PERSON', k.salesforce_id, k.object_name, coalesce(r.is_deleted, true),
            r.master_record_id, coalesce(r.is_converted, false), r.converted_contact_id,
            r.em, r.li, r.dm, r.fn, r.ln, r.co, r.ti, r.ph, r.pe, r.st
     FROM salesforce_link AS k
     LEFT JOIN directory_record AS r ON r.salesforce_id = k.salesforce_id
     WHERE k.dievio_lead_id = l.dievio_lead_id)
    UNION ALL
    (SELECT 'BLOCK_EM_MATCH_FN', r.salesforce_id, r.object_name, r.is_deleted, r.master_record_id,
            r.is_converted, r.converted_contact_id, r.em, r.li, r.dm, r.fn, r.ln, r.co, r.ti, r.ph, r.pe, r.st
     FROM directory_record AS r
     WHERE r.em = l.em AND r.object_name <> 'Account' AND NOT r.is_deleted
     LIMIT :max_candidates)
    UNION ALL
    (SELECT 'BLOCK_LI_MATCH_FN_LN', r.salesforce_id, r.object_name, r.is_deleted, r.master_record_id,
            r.is_converted, r.converted_contact_id, r.em, r.li, r.dm, r.fn, r.ln, r.co, r.ti, r.ph, r.pe, r.st
     FROM directory_record AS r
     WHERE r.li = l.li AND r.object_name <> 'Account' AND NOT r.is_deleted
     LIMIT :max_candidates)
    UNION ALL
    (SELECT 'BLOCK_FN_LN_DM_MATCH_LI_EM', r.salesforce_id, r.object_name, r.is_deleted, r.master_record_id,
            r.is_converted, r.converted_contact_id, r.em, r.li, r.dm, r.fn, r.ln, r.co, r.ti, r.ph, r.pe, r.st
     FROM directory_record AS r
     WHERE r.ln = l.ln AND r.dm = l.dm AND r.fn = l.fn AND r.object_name <> 'Account' AND NOT r.is_deleted
     LIMIT :max_candidates)
    UNION ALL
    (SELECT 'BLOCK_FN_LN_CO_MATCH_TI', r.salesforce_id, r.object_name, r.is_deleted, r.master_record_id,
            r.is_converted, r.converted_contact_id, r.em, r.li, r.dm, r.fn, r.ln, r.co, r.ti, r.ph, r.pe, r.st
     FROM directory_record AS r
     WHERE r.ln = l.ln AND r.co = l.co AND r.fn = l.fn AND r.object_name <> 'Account' AND NOT r.is_deleted
     LIMIT :max_candidates)
    UNION ALL
    (SELECT 'BLOCK_FN_LN_MATCH_PH_ST_PE', r.salesforce_id, r.object_name, r.is_deleted, r.master_record_id,
            r.is_converted, r.converted_contact_id, r.em, r.li, r.dm, r.fn, r.ln, r.co, r.ti, r.ph, r.pe, r.st
     FROM directory_record AS r
     WHERE r.fn = l.fn AND r.ln = l.ln AND (r.ph = l.ph OR r.pe = l.pe OR r.st = l.st)
       AND (r.co <> l.co OR r.co IS NULL OR l.co IS NULL)
       AND r.object_name <> 'Account' AND NOT r.is_deleted
     LIMIT :max_candidates)
) AS hit
WHERE l.batch_id = :batch_id
  AND l.duplicate_of_raw_lead_id IS NULL
  AND l.dievio_lead_id = ANY (:dievio_lead_ids::text[])
ORDER BY l.dievio_lead_id, hit.rule, hit.salesforce_id;

-- name: follow_records(salesforce_ids, max_hops)
-- Everything that merges and conversions of these records lead to, the records themselves included.
WITH RECURSIVE trail AS (
    SELECT r.*, 0 AS hops
    FROM directory_record AS r
    WHERE r.salesforce_id = ANY (:salesforce_ids::text[])
    UNION
    SELECT r.*, t.hops + 1
    FROM trail AS t
    JOIN directory_record AS r
      ON r.salesforce_id = CASE WHEN t.is_deleted THEN t.master_record_id ELSE t.converted_contact_id END
    WHERE (t.is_deleted OR t.is_converted) AND t.hops < :max_hops
)
SELECT DISTINCT ON (salesforce_id)
       salesforce_id, object_name, is_deleted, master_record_id, is_converted, converted_contact_id,
       em, li, dm, fn, ln, co, ti, ph, pe, st
FROM trail
ORDER BY salesforce_id;

-- name: list_answers(dievio_lead_ids)
-- What people answered about these leads.
SELECT dievio_lead_id, salesforce_id, answer
FROM pair_memory
WHERE dievio_lead_id = ANY (:dievio_lead_ids::text[]);

-- name: list_domain_blocks(block_keys, max_records)
-- The living people at each domain, as far as the limit goes.
SELECT key.dm AS block_key, hit.*
FROM unnest(:block_keys::text[]) AS key (dm)
CROSS JOIN LATERAL (
    SELECT r.salesforce_id, r.object_name, r.is_deleted, r.master_record_id, r.is_converted, r.converted_contact_id,
           r.em, r.li, r.dm, r.fn, r.ln, r.co, r.ti, r.ph, r.pe, r.st
    FROM directory_record AS r
    WHERE r.dm = key.dm AND r.fn IS NOT NULL AND r.ln IS NOT NULL AND r.object_name <> 'Account'
      AND NOT r.is_deleted AND NOT r.is_converted
    ORDER BY r.ln, r.salesforce_id
    LIMIT :max_records
) AS hit;

-- name: list_company_blocks(block_keys, max_records)
-- The living people of each company name, as far as the limit goes.
SELECT key.co AS block_key, hit.*
FROM unnest(:block_keys::text[]) AS key (co)
CROSS JOIN LATERAL (
    SELECT r.salesforce_id, r.object_name, r.is_deleted, r.master_record_id, r.is_converted, r.converted_contact_id,
           r.em, r.li, r.dm, r.fn, r.ln, r.co, r.ti, r.ph, r.pe, r.st
    FROM directory_record AS r
    WHERE r.co = key.co AND r.fn IS NOT NULL AND r.ln IS NOT NULL AND r.object_name <> 'Account'
      AND NOT r.is_deleted AND NOT r.is_converted
    ORDER BY r.ln, r.salesforce_id
    LIMIT :max_records
) AS hit;

-- name: list_domain_initial_blocks(block_keys, initials, max_records)
-- Parts of domains too large to compare whole: the people whose family name has one initial.
SELECT key.dm AS block_key, key.initial, hit.*
FROM unnest(:block_keys::text[], :initials::text[]) AS key (dm, initial)
CROSS JOIN LATERAL (
    SELECT r.salesforce_id, r.object_name, r.is_deleted, r.master_record_id, r.is_converted, r.converted_contact_id,
           r.em, r.li, r.dm, r.fn, r.ln, r.co, r.ti, r.ph, r.pe, r.st
    FROM directory_record AS r
    WHERE r.dm = key.dm AND left(r.ln, 1) = key.initial AND r.fn IS NOT NULL AND r.object_name <> 'Account'
      AND NOT r.is_deleted AND NOT r.is_converted
    ORDER BY r.ln, r.salesforce_id
    LIMIT :max_records
) AS hit;

-- name: list_company_initial_blocks(block_keys, initials, max_records)
-- Parts of companies too large to compare whole: the people whose family name has one initial.
SELECT key.co AS block_key, key.initial, hit.*
FROM unnest(:block_keys::text[], :initials::text[]) AS key (co, initial)
CROSS JOIN LATERAL (
    SELECT r.salesforce_id, r.object_name, r.is_deleted, r.master_record_id, r.is_converted, r.converted_contact_id,
           r.em, r.li, r.dm, r.fn, r.ln, r.co, r.ti, r.ph, r.pe, r.st
    FROM directory_record AS r
    WHERE r.co = key.co AND left(r.ln, 1) = key.initial AND r.fn IS NOT NULL AND r.object_name <> 'Account'
      AND NOT r.is_deleted AND NOT r.is_converted
    ORDER BY r.ln, r.salesforce_id
    LIMIT :max_records
) AS hit;

-- name: delete_open_candidates(batch_id, dievio_lead_ids)!
-- Forget the evidence of leads without an outcome, so that matching again replaces it.
DELETE FROM match_candidate AS c
WHERE c.batch_id = :batch_id
  AND (:dievio_lead_ids::text[] IS NULL OR c.dievio_lead_id = ANY (:dievio_lead_ids::text[]))
  AND NOT EXISTS (
      SELECT FROM lead AS l
      JOIN settled_outcome AS o ON o.batch_id = l.batch_id AND o.raw_lead_id = l.raw_lead_id
      WHERE l.batch_id = c.batch_id AND l.dievio_lead_id = c.dievio_lead_id AND l.duplicate_of_raw_lead_id IS NULL);

-- name: delete_open_results(batch_id, dievio_lead_ids)!
-- Forget the results of leads without an outcome, so that matching again replaces them.
DELETE FROM match_result AS m
WHERE m.batch_id = :batch_id
  AND (:dievio_lead_ids::text[] IS NULL OR m.dievio_lead_id = ANY (:dievio_lead_ids::text[]))
  AND NOT EXISTS (
      SELECT FROM lead AS l
      JOIN settled_outcome AS o ON o.batch_id = l.batch_id AND o.raw_lead_id = l.raw_lead_id
      WHERE l.batch_id = m.batch_id AND l.dievio_lead_id = m.dievio_lead_id AND l.duplicate_of_raw_lead_id IS NULL);

-- name: demote_second_claims(batch_id, rules, reason_code, reason)!
-- Two leads of one batch must not write to one record: the settled one keeps it, else the one with the earlier rule,
-- else the first id; the others become questions.
WITH contested AS MATERIALIZED (
    SELECT salesforce_id
    FROM match_result
    WHERE batch_id = :batch_id AND grade = 'certain'
    GROUP BY salesforce_id
    HAVING count(*) > 1
),
claim AS (
    SELECT m.dievio_lead_id, o.outcome IS NOT NULL AS is_settled,
           row_number() OVER (PARTITION BY m.salesforce_id
                              ORDER BY o.outcome IS NULL, array_position(:rules::text[], m.rule), m.dievio_lead_id)
               AS place
    FROM match_result AS m
    JOIN lead AS l ON l.batch_id = m.batch_id AND l.dievio_lead_id = m.dievio_lead_id
                  AND l.duplicate_of_raw_lead_id IS NULL
    LEFT JOIN settled_outcome AS o ON o.batch_id = l.batch_id AND o.raw_lead_id = l.raw_lead_id
    WHERE m.batch_id = :batch_id AND m.grade = 'certain'
      AND m.salesforce_id IN (SELECT c.salesforce_id FROM contested AS c)
)
UPDATE match_result AS m
SET grade = 'possible', object_name = NULL, salesforce_id = NULL, reason_code = :reason_code, reason = :reason
WHERE m.batch_id = :batch_id
  AND m.dievio_lead_id = ANY (ARRAY(SELECT c.dievio_lead_id FROM claim AS c WHERE c.place > 1 AND NOT c.is_settled));

-- name: refresh_statistics#
-- Tell the planner how many matches the batch has: it knows earlier batches only, takes this one for a handful of rows
-- and joins every lead with every other (10,000 leads: 70 seconds).
ANALYZE match_result, match_candidate;

-- name: count_results(batch_id)
-- The batch's match results by grade, rule and reason.
SELECT grade, rule, reason_code, count(*) AS leads
FROM match_result
WHERE batch_id = :batch_id
GROUP BY grade, rule, reason_code
ORDER BY grade, rule, reason_code;
