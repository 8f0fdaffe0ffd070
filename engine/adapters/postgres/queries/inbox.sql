-- name: accept_start
-- Mint an execution and put its start into the inbox, once for each key.
SELECT execution_id, existed FROM log.accept_start_v1($1, $2, $3, $4, $5, $6, $7, $8);

-- name: accept_fork
-- Put a fork into its inbox and a note of it into that of its source, once for each key.
SELECT execution_id, existed
FROM log.accept_fork_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: put
-- Put a callback, cancel, suspend or resume into the inbox.
SELECT log.put_inbox_v2($1, $2, $3, $4, $5, $6, $7);

-- name: read
-- All rows present, never "since an id": ids do not become visible in order. A look for each shard,
-- because a plan for many shards, made while the inbox was empty, may read all of it.
SELECT i.shard, i.id, i.kind, i.execution_id, i.namespace, i.position, i.body, i.actor,
       i.traceparent, i.at
FROM unnest($1::integer[]) AS mine (shard)
CROSS JOIN LATERAL (
    SELECT one.* FROM log.inbox AS one
    WHERE one.shard = mine.shard AND one.id <> ALL ($2::bigint[])
    ORDER BY one.id LIMIT $3
) AS i
ORDER BY i.id LIMIT $3;

-- name: mint
-- New ids of a shard; nothing is written.
SELECT log.mint_execution_v1($1) FROM generate_series(1, $2::integer);

-- name: is_accepted
-- What begins an execution is in the inbox until its append, which writes the birth row.
SELECT EXISTS (
    SELECT 1 FROM log.inbox
    WHERE shard = $1 AND execution_id = $2 AND namespace = $3
      AND kind IN ('start', 'fork', 'import')
) OR EXISTS (
    SELECT 1 FROM log.executions
    WHERE shard = $1 AND execution_id = $2 AND namespace = $3
);
