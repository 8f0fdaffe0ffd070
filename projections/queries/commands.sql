-- Commands that executions of a namespace obeyed. Only the filters that are asked for stand in the
-- statement. What stands in a copied beginning of an execution happened in another one.

-- name: list
-- A page, the newest first.
SELECT c.execution_id, c.seq, c.at, c.actor, c.action, c.origin, c.reason
FROM {read}.commands AS c
LEFT JOIN {read}.executions AS e ON e.execution_id = c.execution_id
WHERE c.namespace = $1 AND (c.at, c.execution_id, c.seq) < ($2::bigint, $3::uuid, $4::bigint)
  AND c.seq > COALESCE(e.copied_upto, 0){filters}
ORDER BY c.at DESC, c.execution_id DESC, c.seq DESC
LIMIT $5

-- name: actor
-- By this actor.
AND c.actor = {arg}

-- name: action
-- This action, or of this noun where it ends in a dot.
AND (c.action = {arg} OR ({arg} LIKE '%.' AND starts_with(c.action, {arg})))

-- name: target
-- On this execution.
AND c.execution_id = {arg}

-- name: since
-- From then on.
AND c.at >= {arg}
