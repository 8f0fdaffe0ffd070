-- Open waits of a namespace. Only the filters that are asked for stand in the statement.

-- name: list
-- A page, in order of execution and event. Imports, of which more is copied than a fork would,
-- wait for nothing.
SELECT w.execution_id, w.seq, w.kind, w.purpose, w.frame, w.types, w.filters, w.opened_at, w.due,
       CASE WHEN s.kind = 'state' THEN s.name ELSE COALESCE(p.name, w.name) END AS state,
       COALESCE(e.workflow, w.workflow) AS workflow, e.version, e.status
FROM {read}.waits AS w
LEFT JOIN {read}.executions AS e ON e.execution_id = w.execution_id
LEFT JOIN {read}.scopes AS s ON s.execution_id = w.execution_id AND s.frame = w.frame
LEFT JOIN {read}.scopes AS p ON p.execution_id = s.execution_id AND p.frame = s.parent
WHERE w.closed_at IS NULL AND w.namespace = $1
  AND COALESCE(e.copied_upto, 0) <= COALESCE(e.forked_at, 0)
  AND (w.execution_id, w.seq) > ($2::uuid, $3::bigint){filters}
ORDER BY w.execution_id, w.seq
LIMIT $4

-- name: kind
-- Of this kind.
AND w.kind = {arg}

-- name: workflow
-- In executions of this workflow.
AND COALESCE(e.workflow, w.workflow) = {arg}

-- name: type
-- For CloudEvents of this type.
AND w.types ? {arg}

-- name: due_before
-- Due, or timed out, before then.
AND w.due < {arg}
