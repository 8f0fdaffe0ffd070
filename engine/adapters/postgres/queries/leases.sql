-- name: announce
-- Say that an engine lives, forget those long gone, list the living.
WITH me AS (
    INSERT INTO log.engines (engine, expires_at) VALUES ($1, log.now_ms_v1() + $2)
    ON CONFLICT (engine) DO UPDATE SET expires_at = excluded.expires_at
    RETURNING engine, expires_at
), gone AS (
    DELETE FROM log.engines WHERE expires_at < log.now_ms_v1() - 3600000 AND engine <> $1
)
SELECT engine FROM log.engines WHERE engine <> $1 AND expires_at > log.now_ms_v1()
UNION ALL
SELECT engine FROM me WHERE $2 > 0
ORDER BY engine;

-- name: claim
-- Take a shard that is free or whose lease ran out.
SELECT shard, owner, epoch, expires_at, last_position, commit_no, hash
FROM log.claim_shard_v1($1, $2, $3, $4);

-- name: owner
-- Who has or had the lease.
SELECT owner FROM log.shards WHERE shard = $1;

-- name: end_sessions
-- End the database sessions of an engine that keeps a head locked; each is given a second to go.
SELECT pg_terminate_backend(pid, 1000)
FROM pg_stat_activity
WHERE application_name = $1 AND datname = current_database() AND pid <> pg_backend_pid();

-- name: renew
-- Renew leases; the shards still held.
SELECT log.renew_shards_v1($1, $2, $3);

-- name: release
-- Give shards back.
SELECT log.release_shards_v1($1, $2);

-- name: now
-- The database's clock.
SELECT log.now_ms_v1();
