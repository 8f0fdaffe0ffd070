-- name: append
-- Everything or nothing; fenced by the head rows of the shards.
SELECT log.append_v2($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: locked_head
-- The head row of a shard after every append in flight.
SELECT shard, owner, epoch, expires_at, last_position, commit_no, hash
FROM log.locked_head_v1($1);

-- name: heads
-- All head rows: readers come here first and go on only to shards that moved.
SELECT shard, owner, epoch, expires_at, last_position, commit_no, hash
FROM log.shards ORDER BY shard;

-- name: read_execution
-- Events of one execution with $3 < seq <= $4, in order.
SELECT shard, position, execution_id, seq, namespace, type, version, at, actor, causation,
       traceparent, frame, node, name, branch, iteration, attempt, epoch, codec, key_id, salt,
       data, digest, hash
FROM log.events
WHERE shard = $1 AND execution_id = $2 AND seq > $3 AND seq <= $4
ORDER BY seq LIMIT $5;

-- name: last_event
-- The event of one execution with the highest seq.
SELECT shard, position, execution_id, seq, namespace, type, version, at, actor, causation,
       traceparent, frame, node, name, branch, iteration, attempt, epoch, codec, key_id, salt,
       data, digest, hash
FROM log.events WHERE shard = $1 AND execution_id = $2 ORDER BY seq DESC LIMIT 1;

-- name: read_shard
-- Events of one shard with $2 < position <= $3, in order; $3 is a head that was read before.
SELECT shard, position, execution_id, seq, namespace, type, version, at, actor, causation,
       traceparent, frame, node, name, branch, iteration, attempt, epoch, codec, key_id, salt,
       data, digest, hash
FROM log.events
WHERE shard = $1 AND position > $2 AND position <= $3
ORDER BY position LIMIT $4;

-- name: read_commits
-- Commit records of one shard behind a number, in order.
SELECT shard, commit_no, first_position, count, epoch, at, writer_version, min_execution,
       max_execution, parts, hash
FROM log.commits WHERE shard = $1 AND commit_no > $2 ORDER BY commit_no LIMIT $3;

-- name: save_snapshot
-- A snapshot replaces the one before; an older fold never replaces a newer one.
INSERT INTO log.snapshots AS kept (shard, execution_id, seq, evolve_version, state)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (shard, execution_id) DO UPDATE
SET seq = excluded.seq, evolve_version = excluded.evolve_version, state = excluded.state
WHERE kept.seq <= excluded.seq;

-- name: load_snapshots
-- Snapshots of these (shard, execution): a look for each.
SELECT s.shard, s.execution_id, s.seq, s.evolve_version, s.state
FROM unnest($1::integer[], $2::uuid[]) AS wanted (shard, execution_id)
CROSS JOIN LATERAL (
    SELECT one.* FROM log.snapshots AS one
    WHERE one.shard = wanted.shard AND one.execution_id = wanted.execution_id
    OFFSET 0
) AS s;

-- name: keep_snapshot
-- A snapshot of the past.
SELECT log.keep_snapshot_v1($1, $2, $3, $4, $5);

-- name: kept_snapshot
-- Of this fold's version, the last snapshot kept with $3 < seq <= $4.
SELECT shard, execution_id, seq, evolve_version, state
FROM log.kept_snapshots
WHERE shard = $1 AND execution_id = $2 AND seq > $3 AND seq <= $4 AND evolve_version = $5
ORDER BY seq DESC LIMIT 1;

-- name: seq_at
-- The last event at or before a time, by halving: times never decrease, and only some twenty events
-- of a million are looked at.
WITH RECURSIVE bounds AS (
    SELECT 0 AS low,
           coalesce((SELECT max(seq) FROM log.events WHERE shard = $1 AND execution_id = $2), 0)
               AS high
    UNION ALL
    SELECT CASE WHEN middle.at <= $3 THEN middle.seq ELSE bounds.low END,
           CASE WHEN middle.at <= $3 THEN bounds.high ELSE middle.seq - 1 END
    FROM bounds
    CROSS JOIN LATERAL (
        SELECT e.seq, e.at FROM log.events AS e
        WHERE e.shard = $1 AND e.execution_id = $2 AND e.seq = (bounds.low + bounds.high + 1) / 2
    ) AS middle
    WHERE bounds.low < bounds.high
)
SELECT max(low) FROM bounds;

-- name: forked_at
-- Up to which event forks begin with copies; by key, one look for each.
SELECT e.execution_id, e.forked_at
FROM unnest($1::integer[], $2::uuid[]) AS wanted (shard, execution_id)
JOIN log.executions AS e ON e.shard = wanted.shard AND e.execution_id = wanted.execution_id
WHERE e.forked_at IS NOT NULL;
