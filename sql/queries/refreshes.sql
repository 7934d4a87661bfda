-- name: list_stale_records(stale_before, left_alone_after, left_alone_reasons, record_limit)
-- Records that nobody has looked up for too long, the oldest first: people whom a provider can find, who are ours or
-- nobody's, whose identity leads back to the id that the record carries, and who were not left alone a moment ago:
-- these would take the places of all others night after night.
SELECT r.object_name, r.salesforce_id, r.fields, r.dievio_lead_id
FROM directory_record AS r
WHERE r.object_name IN ('Lead', 'Contact') AND NOT r.is_deleted AND NOT r.is_converted
  AND (r.li IS NOT NULL OR (r.em IS NOT NULL AND r.fn IS NOT NULL AND r.ln IS NOT NULL AND r.dm IS NOT NULL))
  AND coalesce((r.fields ->> 'Last_Enriched_At__c')::timestamptz, '-infinity') <= :stale_before
  AND (r.dievio_lead_id IS NULL
       OR EXISTS (SELECT FROM lead_identity AS i
                  WHERE i.dievio_lead_id = r.dievio_lead_id
                    AND (i.alias_kind, i.alias) IN (('linkedin', r.li), ('email', r.em))))
  AND NOT EXISTS (SELECT FROM lead_identity AS i
                  JOIN enrichment_lookup AS k USING (dievio_lead_id)
                  WHERE (i.alias_kind, i.alias) IN (('linkedin', r.li), ('email', r.em))
                    AND k.answered_at > :stale_before)
  AND NOT EXISTS (SELECT FROM lead_identity AS i
                  JOIN enrichment_request AS q USING (dievio_lead_id)
                  WHERE (i.alias_kind, i.alias) IN (('linkedin', r.li), ('email', r.em))
                    AND q.choice = 'skip' AND q.decided_at > :left_alone_after
                    AND q.reason = ANY (:left_alone_reasons::text[]))
  AND r.salesforce_id NOT IN (SELECT w.payload ->> 'salesforce_id'
                              FROM quarantine AS q
                              JOIN raw_lead AS w USING (raw_lead_id)
                              WHERE q.quarantined_at > :left_alone_after AND w.payload ->> 'salesforce_id' IS NOT NULL)
ORDER BY (r.fields ->> 'Last_Enriched_At__c')::timestamptz NULLS FIRST, r.salesforce_id
LIMIT :record_limit;

-- name: list_records_of(dievio_lead_ids)
-- The records of some people.
SELECT DISTINCT ON (r.salesforce_id) r.object_name, r.salesforce_id, r.fields, r.dievio_lead_id
FROM unnest(:dievio_lead_ids::text[]) AS wanted (dievio_lead_id)
LEFT JOIN salesforce_link AS k ON k.dievio_lead_id = wanted.dievio_lead_id
JOIN directory_record AS r ON r.dievio_lead_id = wanted.dievio_lead_id OR r.salesforce_id = k.salesforce_id
WHERE r.object_name IN ('Lead', 'Contact') AND NOT r.is_deleted AND NOT r.is_converted
ORDER BY r.salesforce_id;

-- name: list_records_by_profile(slug)
-- The records that carry a profile.
SELECT r.object_name, r.salesforce_id, r.fields, r.dievio_lead_id
FROM directory_record AS r
WHERE r.li = :slug AND r.object_name IN ('Lead', 'Contact') AND NOT r.is_deleted AND NOT r.is_converted
ORDER BY r.salesforce_id;

-- name: list_due_retries(at, person_limit)
-- People who wait for a provider and whose time has come, the longest waiting first.
SELECT dievio_lead_id
FROM enrichment_retry
WHERE state = 'waiting' AND next_attempt_at <= :at
GROUP BY dievio_lead_id
ORDER BY min(next_attempt_at), dievio_lead_id
LIMIT :person_limit;

-- name: count_rows(batch_id)$
-- Rows that a batch already has: it was begun before.
SELECT count(*)::integer FROM raw_lead WHERE batch_id = :batch_id;

-- name: list_unfinished(sources, begun_before)
-- Batches that an outage, a spent share of calls or a death ended before their last gate looked, the oldest first. One
-- that a gate stopped waits for a person instead; the gates right behind the write also fail for rows without an end.
SELECT b.batch_id, b.source
FROM batch AS b
WHERE b.source = ANY (:sources::text[]) AND b.created_at <= :begun_before
  AND NOT EXISTS (SELECT FROM gate_result AS g
                  WHERE g.batch_id = b.batch_id
                    AND (g.stage = 'handover' OR (g.is_blocking AND NOT g.passed AND g.stage <> 'writes')))
  AND (NOT EXISTS (SELECT FROM gate_result AS g
                   WHERE g.batch_id = b.batch_id AND g.stage = 'writes' AND g.is_blocking AND NOT g.passed)
       OR EXISTS (SELECT FROM raw_lead AS r
                  WHERE r.batch_id = b.batch_id
                    AND NOT EXISTS (SELECT FROM lead_outcome AS o
                                    WHERE o.batch_id = r.batch_id AND o.raw_lead_id = r.raw_lead_id)))
ORDER BY b.created_at, b.batch_id;
