-- name: add_calls(batch_id, run_id, system, stage, calls)!
-- Count outside calls; a stage that runs twice within a run adds up.
INSERT INTO call_count (batch_id, run_id, system, stage, calls, counted_at)
VALUES (:batch_id, :run_id, :system, :stage, :calls, now())
ON CONFLICT (batch_id, run_id, system, stage) DO UPDATE
SET calls = call_count.calls + excluded.calls, counted_at = excluded.counted_at;
