-- name: beat_run(run_id, process, at)!
-- Say that a process works for a run.
INSERT INTO run_heartbeat (run_id, process, started_at, heartbeat_at)
VALUES (:run_id, :process, :at, :at)
ON CONFLICT (run_id) DO UPDATE SET process = excluded.process, heartbeat_at = excluded.heartbeat_at;

-- name: list_heartbeats(run_ids)
-- When each of some runs was last heard of.
SELECT run_id, heartbeat_at FROM run_heartbeat WHERE run_id = ANY (:run_ids);

-- name: forget_heartbeats(before)!
-- Runs that ended long ago.
DELETE FROM run_heartbeat WHERE heartbeat_at < :before;

-- name: list_batches_with_open_writes()
-- Batches with writes whose end nobody knows, and how many.
SELECT batch_id, count(*) AS writes FROM write_intent WHERE state IN ('sent', 'unknown') GROUP BY batch_id ORDER BY batch_id;
