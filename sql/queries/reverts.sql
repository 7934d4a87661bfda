-- name: list_writes_of_run(run_id, batch_id, after, most)
-- What a run wrote in a batch, for a page of records in the order of their ids, each record's writes in their order.
WITH page AS (
    SELECT DISTINCT salesforce_id
    FROM write_intent
    WHERE run_id = :run_id AND batch_id = :batch_id AND state = 'applied' AND purpose <> 'revert'
      AND salesforce_id > :after
    ORDER BY salesforce_id
    LIMIT :most
)
SELECT w.op_id, w.batch_id, w.dievio_lead_id, w.raw_lead_id, w.person_key, w.kind, w.object_name, w.salesforce_id,
       w.payload, w.before, w.mapping_version
FROM page AS p
JOIN write_intent AS w USING (salesforce_id)
WHERE w.run_id = :run_id AND w.batch_id = :batch_id AND w.state = 'applied' AND w.purpose <> 'revert'
ORDER BY w.salesforce_id, w.resolved_at, w.op_id;

-- name: list_batches_of_run(run_id)
-- Batches that a run wrote to, be it members of Campaigns only.
SELECT batch_id FROM write_intent WHERE run_id = :run_id AND state = 'applied'
UNION
SELECT batch_id FROM campaign_membership WHERE run_id = :run_id AND state = 'added'
ORDER BY batch_id;

-- name: list_ends(op_ids)
-- How writes ended.
SELECT op_id, state, error_code FROM write_intent WHERE op_id = ANY (:op_ids);
