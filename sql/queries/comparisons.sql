-- name: list_compared(batch_id, writer_id, after, most)
-- Leads that were let through and have a record, page by page: what the source said, what was planned, what the org
-- holds by the newest reading, who changed it last, and what we had written there before this batch.
SELECT l.dievio_lead_id, o.object_name, o.salesforce_id, l.field_values, d.fields,
       CASE WHEN b.is_missing OR r.is_deleted THEN NULL
            WHEN b.fields IS NULL OR r.last_modified_at > (b.fields ->> 'LastModifiedDate')::timestamptz THEN r.fields
            ELSE b.fields END AS held,
       coalesce(CASE WHEN b.fields IS NULL OR r.last_modified_at > (b.fields ->> 'LastModifiedDate')::timestamptz
                     THEN r.last_modified_by_id ELSE b.fields ->> 'LastModifiedById' END <> :writer_id::text, false)
           OR EXISTS (SELECT FROM write_intent AS w
                      WHERE w.dievio_lead_id = l.dievio_lead_id AND w.state = 'applied' AND w.sent_at > o.settled_at
                        AND (w.batch_id <> l.batch_id OR w.purpose NOT IN ('sync', 'hand_over'))) AS is_changed_since,
       (SELECT count(*) FROM directory_record AS t
        WHERE t.object_name = o.object_name AND t.dievio_lead_id = l.dievio_lead_id
          AND NOT t.is_deleted AND NOT t.is_converted) AS carriers,
       coalesce((SELECT jsonb_object_agg(v.field, v.value) FROM (
           SELECT DISTINCT ON (e.field) e.field, e.value
           FROM (SELECT f.key AS field, f.value, w.sent_at
                 FROM write_intent AS w CROSS JOIN LATERAL jsonb_each(w.payload) AS f
                 WHERE w.dievio_lead_id = l.dievio_lead_id AND w.salesforce_id = o.salesforce_id
                   AND w.state = 'applied' AND w.batch_id <> l.batch_id AND w.sent_at < o.settled_at
                 UNION ALL
                 SELECT g.field, g.value, g.written_at
                 FROM field_value AS g
                 WHERE g.salesforce_id = o.salesforce_id
                   AND NOT EXISTS (SELECT FROM write_intent AS w
                                   WHERE w.op_id = g.op_id AND w.batch_id = l.batch_id)) AS e
           ORDER BY e.field, e.sent_at DESC) AS v), '{}') AS written_before
FROM chosen_lead AS c
JOIN lead AS l ON l.batch_id = c.batch_id AND l.dievio_lead_id = c.dievio_lead_id
              AND l.duplicate_of_raw_lead_id IS NULL
JOIN lead_outcome AS o ON o.batch_id = l.batch_id AND o.raw_lead_id = l.raw_lead_id
JOIN sync_decision AS d ON d.batch_id = l.batch_id AND d.dievio_lead_id = l.dievio_lead_id
LEFT JOIN readback AS b ON b.batch_id = l.batch_id AND b.dievio_lead_id = l.dievio_lead_id
LEFT JOIN directory_record AS r ON r.object_name = o.object_name AND r.salesforce_id = o.salesforce_id
WHERE c.batch_id = :batch_id AND c.dievio_lead_id > :after
  AND o.salesforce_id IS NOT NULL
  AND (o.outcome IN ('created', 'updated') OR o.reason_code IN ('no_change', 'field_conflict', 'low_confidence'))
ORDER BY c.dievio_lead_id
LIMIT :most;

-- name: count_chosen(batch_id)
-- Leads that were let through, by where they ended; those without an outcome are open.
SELECT coalesce(o.outcome, 'open') AS ended, count(*) AS leads
FROM chosen_lead AS c
LEFT JOIN lead AS l ON l.batch_id = c.batch_id AND l.dievio_lead_id = c.dievio_lead_id
                   AND l.duplicate_of_raw_lead_id IS NULL
LEFT JOIN settled_outcome AS o ON o.batch_id = l.batch_id AND o.raw_lead_id = l.raw_lead_id
WHERE c.batch_id = :batch_id
GROUP BY 1
ORDER BY 1;
