-- name: due_timers
-- Timers that are due, the earliest first: a look into the index for each shard.
SELECT t.shard, t.execution_id, t.timer, t.due
FROM unnest($1::integer[]) AS mine (shard)
CROSS JOIN LATERAL (
    SELECT one.* FROM log.timers AS one
    WHERE one.shard = mine.shard AND one.due <= $2
    ORDER BY one.due LIMIT $3
) AS t
ORDER BY t.due, t.shard, t.execution_id, t.timer LIMIT $3;

-- name: open_subscriptions
-- All event definitions of open waits.
SELECT shard, execution_id, wait, ref, namespace, type, key, after FROM log.subscriptions
WHERE shard = ANY ($1::integer[]) ORDER BY shard, execution_id, wait, ref;

-- name: open_actions
-- Executions with a scheduled action that has no answer.
SELECT execution_id FROM log.open_actions
WHERE shard = ANY ($1::integer[]) ORDER BY shard, execution_id;

-- name: gatherings
-- Open gatherings of a trigger and key; ids begin with the time, so the oldest is first.
SELECT shard, execution_id, namespace, trigger, key FROM log.gatherings
WHERE shard = $1 AND trigger = $2 AND key = $3 ORDER BY execution_id;
