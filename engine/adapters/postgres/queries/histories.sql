-- name: born
-- Executions of a workflow with $4 <= id < $5, the newest first, as one value of 16 bytes each; of
-- these versions, or of all where $3 is null.
SELECT string_agg(uuid_send(newest.execution_id), ''::bytea ORDER BY newest.execution_id DESC)
FROM (
    SELECT execution_id FROM log.executions
    WHERE namespace = $1 AND workflow = $2 AND ($3::text[] IS NULL OR version = ANY ($3))
      AND execution_id >= $4 AND execution_id < $5
    ORDER BY execution_id DESC LIMIT $6
) AS newest;

-- name: beginnings
-- The first $3 events of each of these executions: what a fold and a comparison need of them.
SELECT e.execution_id, e.seq, e.type, e.version, e.at, e.frame, e.node, e.name, e.branch,
       e.iteration, e.attempt, e.causation, e.codec, e.data
FROM unnest($1::integer[], $2::uuid[]) WITH ORDINALITY AS wanted (shard, execution_id, number)
CROSS JOIN LATERAL (
    SELECT one.* FROM log.events AS one
    WHERE one.shard = wanted.shard AND one.execution_id = wanted.execution_id
    ORDER BY one.seq LIMIT $3
) AS e
ORDER BY wanted.number, e.seq;
