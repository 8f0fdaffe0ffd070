-- name: ask
-- Notes a request and records who asked.
SELECT log.ask_erasure_v1($1, $2, $3, $4, $5, $6, $7, $8);

-- name: get
-- One request.
SELECT id, namespace, key_id, target, cancel, actor, origin, reason, asked_at, done_at,
       executions, cloudevents
FROM log.erasures WHERE namespace = $1 AND id = $2;

-- name: latest
-- Requests of a namespace, the newest first.
SELECT id, namespace, key_id, target, cancel, actor, origin, reason, asked_at, done_at,
       executions, cloudevents
FROM log.erasures WHERE namespace = $1 AND id < $2 ORDER BY id DESC LIMIT $3;

-- name: under_way
-- Requests that are not done.
SELECT id, namespace, key_id, target, cancel, actor, origin, reason, asked_at, done_at,
       executions, cloudevents
FROM log.erasures WHERE done_at IS NULL ORDER BY id LIMIT $1;

-- name: snapshots
-- How many snapshots these executions (by shard and id) have.
SELECT count(*)
FROM unnest($1::integer[], $2::uuid[]) AS wanted (shard, execution_id)
CROSS JOIN LATERAL (
    SELECT 1 FROM log.snapshots AS s
    WHERE s.shard = wanted.shard AND s.execution_id = wanted.execution_id
    UNION ALL
    SELECT 1 FROM log.kept_snapshots AS s
    WHERE s.shard = wanted.shard AND s.execution_id = wanted.execution_id
) AS found;

-- name: erase_cloudevents
-- Leaves id and source of CloudEvents.
SELECT log.erase_cloudevents_v1($1, $2, $3);

-- name: finish
-- Deletes the key with all that can be made again from what it sealed.
SELECT log.finish_erasure_v1($1, $2, $3, $4);
