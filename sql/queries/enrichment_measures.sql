-- name: sum_spend(since, until)
-- Enrichment calls and credits of a window by segment, provider and reason.
SELECT segment, provider, reason, count(*)::integer AS calls,
       count(*) FILTER (WHERE state = 'settled')::integer AS answered,
       count(*) FILTER (WHERE state = 'settled' AND settled_credits > 0)::integer AS matched,
       coalesce(sum(settled_credits) FILTER (WHERE state = 'settled'), 0)::integer AS credits,
       coalesce(sum(known_credits), 0)::integer AS known_credits,
       coalesce(sum(reserved_credits) FILTER (WHERE state <> 'settled'), 0)::integer AS uncertain_credits
FROM credit_ledger
WHERE purpose = 'enrichment' AND state <> 'released' AND requested_at >= :since AND requested_at < :until
GROUP BY segment, provider, reason
ORDER BY credits DESC, segment, provider, reason;

-- name: sum_days(since, until)
-- Enrichment credits of a window by UTC day.
SELECT to_char(requested_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day,
       coalesce(sum(settled_credits) FILTER (WHERE state = 'settled'), 0)::integer AS credits,
       coalesce(sum(reserved_credits) FILTER (WHERE state <> 'settled'), 0)::integer AS uncertain_credits
FROM credit_ledger
WHERE purpose = 'enrichment' AND state <> 'released' AND requested_at >= :since AND requested_at < :until
GROUP BY 1
ORDER BY 1;

-- name: count_people(since, until)^
-- People asked about in a window and how their last answer went; a person whom one provider knew counts as found.
SELECT count(*)::integer AS asked, count(*) FILTER (WHERE is_found)::integer AS found,
       count(*) FILTER (WHERE is_missed AND NOT is_found)::integer AS missed
FROM (
    SELECT bool_or(state = 'found') AS is_found, bool_or(state = 'miss') AS is_missed
    FROM enrichment_lookup
    WHERE asked_at >= :since AND asked_at < :until
    GROUP BY dievio_lead_id
) AS person;

-- name: count_answered_outcomes(since, until)^
-- What became of the rows whose person was looked up.
SELECT count(*) FILTER (WHERE o.outcome = 'created')::integer AS created,
       count(*) FILTER (WHERE o.outcome = 'updated')::integer AS updated
FROM batch AS b
JOIN enrichment_request AS q ON q.batch_id = b.batch_id AND q.state = 'answered'
JOIN lead AS l ON l.batch_id = q.batch_id AND l.dievio_lead_id = q.dievio_lead_id
              AND l.duplicate_of_raw_lead_id IS NULL
JOIN lead_outcome AS o ON o.batch_id = l.batch_id AND o.raw_lead_id = l.raw_lead_id
WHERE b.created_at >= :since AND b.created_at < :until;

-- name: count_completeness(since, until, names)
-- Per field, leads of a window that had the value when delivered, and that have one that counts after enrichment.
SELECT wanted.field, count(*)::integer AS leads,
       count(coalesce(l.delivered_values, l.field_values) ->> wanted.field)::integer AS before,
       count(l.field_values ->> wanted.field)
           FILTER (WHERE NOT ('unverified_' || wanted.field) = ANY (l.flags))::integer AS after
FROM batch AS b
JOIN lead AS l ON l.batch_id = b.batch_id AND l.duplicate_of_raw_lead_id IS NULL
CROSS JOIN unnest(:names::text[]) AS wanted (field)
WHERE b.created_at >= :since AND b.created_at < :until
GROUP BY wanted.field;

-- name: count_complete_leads(since, until, names)^
-- Leads of a window that have every required value: when delivered, and after enrichment.
SELECT count(*)::integer AS leads,
       count(*) FILTER (WHERE NOT EXISTS (
           SELECT FROM unnest(:names::text[]) AS wanted (field)
           WHERE coalesce(l.delivered_values, l.field_values) ->> wanted.field IS NULL))::integer AS before,
       count(*) FILTER (WHERE NOT EXISTS (
           SELECT FROM unnest(:names::text[]) AS wanted (field)
           WHERE l.field_values ->> wanted.field IS NULL
              OR ('unverified_' || wanted.field) = ANY (l.flags)))::integer AS after
FROM batch AS b
JOIN lead AS l ON l.batch_id = b.batch_id AND l.duplicate_of_raw_lead_id IS NULL
WHERE b.created_at >= :since AND b.created_at < :until;

-- name: count_findings(since, until)
-- What became of the findings of a window, by field.
SELECT field, verdict, count(*)::integer AS findings
FROM enrichment_result
WHERE merged_at >= :since AND merged_at < :until
GROUP BY field, verdict
ORDER BY field, verdict;

-- name: count_standing(since, until, names, object_names, targets)
-- Enriched values that we wrote and the mirror has seen since, and how many of them nobody corrected. The mirror may be
-- a clock's difference behind our own note of the write.
SELECT r.field, count(*)::integer AS written,
       count(*) FILTER (WHERE lower(d.fields ->> place.target) = lower(v.value #>> '{}'))::integer AS standing,
       avg(r.share) AS stated_share
FROM enrichment_result AS r
JOIN salesforce_link AS k ON k.dievio_lead_id = r.dievio_lead_id
JOIN unnest(:names::text[], :object_names::text[], :targets::text[]) AS place (field, object_name, target)
  ON place.field = r.field AND place.object_name = k.object_name
JOIN field_value AS v ON v.salesforce_id = k.salesforce_id AND v.field = place.target AND v.written_at >= r.merged_at
JOIN directory_record AS d ON d.object_name = k.object_name AND d.salesforce_id = k.salesforce_id
WHERE r.merged_at >= :since AND r.merged_at < :until AND r.verdict IN ('filled', 'replaced')
  AND NOT d.is_deleted AND d.system_modstamp >= v.written_at - interval '5 minutes'
GROUP BY r.field;

-- name: count_ages(target, until, bucket_days, last_bucket)
-- Live records with our id by the age of their data in buckets; -1 where no date is known.
SELECT CASE WHEN d.fields ->> :target ~ '^\d{4}-\d\d-\d\d'
            THEN least(greatest(floor(extract(epoch FROM :until - (d.fields ->> :target)::timestamptz)
                                      / (86400 * :bucket_days)), 0), :last_bucket)::integer
            ELSE -1 END AS bucket,
       count(*)::integer AS records
FROM directory_record AS d
WHERE d.dievio_lead_id IS NOT NULL AND d.object_name IN ('Lead', 'Contact') AND NOT d.is_deleted AND NOT d.is_converted
GROUP BY 1
ORDER BY 1;

-- name: add_first_touches(since, until, untouched)!
-- Remember when the mirror first showed that somebody worked on a lead that we created.
INSERT INTO first_touch (salesforce_id, dievio_lead_id, touched_at, seen_at)
SELECT DISTINCT ON (d.salesforce_id) d.salesforce_id, o.dievio_lead_id, d.last_modified_at, :until
FROM batch AS b
JOIN lead_outcome AS o ON o.batch_id = b.batch_id AND o.outcome = 'created'
JOIN directory_record AS d ON d.object_name = 'Lead' AND d.salesforce_id = o.salesforce_id
WHERE b.created_at >= :since AND b.created_at < :until AND NOT d.is_deleted
  AND (d.is_converted OR d.fields ->> 'LastActivityDate' IS NOT NULL
       OR NOT (coalesce(d.fields ->> 'Status', '') = ANY (:untouched::text[])))
ORDER BY d.salesforce_id
ON CONFLICT (salesforce_id) DO NOTHING;

-- name: count_funnel(since, until, responded)
-- How far the leads that we created have come, enriched ones and others apart.
SELECT c.is_enriched, count(*)::integer AS leads,
       count(t.salesforce_id)::integer AS touched,
       count(*) FILTER (WHERE c.is_converted OR c.status = ANY (:responded::text[]))::integer AS responded,
       count(*) FILTER (WHERE c.is_converted)::integer AS converted,
       count(c.last_activity)::integer AS with_activity,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY greatest(
           extract(epoch FROM t.touched_at - coalesce(c.handed_over_at, c.settled_at))::double precision / 3600, 0))
           FILTER (WHERE t.salesforce_id IS NOT NULL) AS median_hours_to_touch
FROM (
    SELECT d.salesforce_id, d.is_converted, d.fields ->> 'Status' AS status,
           d.fields ->> 'LastActivityDate' AS last_activity, o.settled_at, h.handed_over_at,
           EXISTS (SELECT FROM enrichment_result AS r
                   WHERE r.batch_id = o.batch_id AND r.dievio_lead_id = o.dievio_lead_id
                     AND r.verdict IN ('filled', 'replaced')) AS is_enriched
    FROM batch AS b
    JOIN lead_outcome AS o ON o.batch_id = b.batch_id AND o.outcome = 'created'
    JOIN directory_record AS d ON d.object_name = 'Lead' AND d.salesforce_id = o.salesforce_id
    LEFT JOIN handover AS h ON h.batch_id = o.batch_id AND h.dievio_lead_id = o.dievio_lead_id
    WHERE b.created_at >= :since AND b.created_at < :until AND NOT d.is_deleted
) AS c
LEFT JOIN first_touch AS t ON t.salesforce_id = c.salesforce_id
GROUP BY c.is_enriched
ORDER BY c.is_enriched DESC;

-- name: delete_fresh_records(target, flag_before)!
-- Take the flag from records that have been looked at again, or are gone.
DELETE FROM stale_record AS s
WHERE NOT EXISTS (
    SELECT FROM directory_record AS d
    WHERE d.object_name = s.object_name AND d.salesforce_id = s.salesforce_id AND d.dievio_lead_id IS NOT NULL
      AND NOT d.is_deleted AND NOT d.is_converted
      AND d.fields ->> :target ~ '^\d{4}-\d\d-\d\d' AND (d.fields ->> :target)::timestamptz < :flag_before);

-- name: flag_stale_records(target, flag_before, suppress_before, at)!
-- Flag records that nobody has looked at since; suppress_before null suppresses none.
INSERT INTO stale_record AS s (object_name, salesforce_id, dievio_lead_id, last_enriched_at, is_suppressed, flagged_at)
SELECT d.object_name, d.salesforce_id, d.dievio_lead_id, (d.fields ->> :target)::timestamptz,
       coalesce((d.fields ->> :target)::timestamptz < :suppress_before::timestamptz, false), :at
FROM directory_record AS d
WHERE d.dievio_lead_id IS NOT NULL AND d.object_name IN ('Lead', 'Contact') AND NOT d.is_deleted AND NOT d.is_converted
  AND d.fields ->> :target ~ '^\d{4}-\d\d-\d\d' AND (d.fields ->> :target)::timestamptz < :flag_before
ON CONFLICT (object_name, salesforce_id) DO UPDATE
SET last_enriched_at = excluded.last_enriched_at, is_suppressed = excluded.is_suppressed
WHERE (s.last_enriched_at, s.is_suppressed) IS DISTINCT FROM (excluded.last_enriched_at, excluded.is_suppressed);

-- name: count_stale_records()^
-- Flagged records, and those of them that the suppression view shows.
SELECT count(*)::integer AS flagged, count(*) FILTER (WHERE is_suppressed)::integer AS suppressed FROM stale_record;

-- name: save_roi(batch_id, made_at, summary)!
-- Keep the measures of a batch; making them again replaces them.
INSERT INTO enrichment_roi (batch_id, made_at, summary) VALUES (:batch_id, :made_at, :summary)
ON CONFLICT (batch_id) DO UPDATE SET made_at = excluded.made_at, summary = excluded.summary;

-- name: get_roi(batch_id)$
-- The measures kept for a batch.
SELECT summary FROM enrichment_roi WHERE batch_id = :batch_id;
