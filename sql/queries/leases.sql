-- name: try_lock(name)$
-- The session's claim: gone the moment its process dies, so that nobody waits for a dead one.
SELECT pg_try_advisory_lock(hashtextextended(:name, 0));

-- name: wait_for_lock(name, patience)$
-- The same claim, waiting for its holder to go; the wait is limited for this one statement.
WITH limited AS MATERIALIZED (SELECT set_config('lock_timeout', :patience, true))
SELECT pg_advisory_lock(hashtextextended(:name, 0)) FROM limited;

-- name: unlock(name)$
-- Give the claim back; the connection may go on to serve others.
SELECT pg_advisory_unlock(hashtextextended(:name, 0));

-- name: write_lease(name, holder, at, expires_at)!
-- Say who works on it. Only the owner of the session's claim writes here, so an older row belongs to a dead holder.
INSERT INTO lease (name, holder, acquired_at, heartbeat_at, expires_at)
VALUES (:name, :holder, :at, :at, :expires_at)
ON CONFLICT (name) DO UPDATE
SET holder = excluded.holder, acquired_at = excluded.acquired_at, heartbeat_at = excluded.heartbeat_at,
    expires_at = excluded.expires_at;

-- name: beat_lease(name, holder, at, expires_at)!
-- Prolong a lease; no row means that somebody else took it over.
UPDATE lease SET heartbeat_at = :at, expires_at = :expires_at WHERE name = :name AND holder = :holder;

-- name: delete_lease(name, holder)!
-- End a lease.
DELETE FROM lease WHERE name = :name AND holder = :holder;

-- name: get_lease_holder(name)$
-- Who works on it.
SELECT holder FROM lease WHERE name = :name;

-- name: list_silent_leases(before)
-- Claims whose holder has not prolonged them since a moment.
SELECT name, holder FROM lease WHERE heartbeat_at < :before ORDER BY name;

-- name: take_turn(batch_id)$
-- Wait until nobody else prepares this batch; freed with the transaction. Rows that refer to the batch go on being added.
SELECT batch_id FROM batch WHERE batch_id = :batch_id FOR NO KEY UPDATE;
