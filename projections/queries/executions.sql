-- The execution list. Only the filters that are asked for stand in a statement, so that each is
-- planned for what it asks: {found} and {filters} are made of the blocks below, {arg} is the number
-- of the filter's argument.

-- name: columns
-- What is shown of an execution.
e.execution_id, e.namespace, e.workflow, e.version, e.definition_hash, e.name, e.status,
e.started_at, e.closed_at, e.last_seq, e.last_at, e.error_code, e.error_message, e.labels, e.actor,
e.trigger_position, e.forked_from, e.forked_at, e.copied_upto, e.batch

-- name: list
-- A page of executions, newest first.
SELECT {columns}
FROM {read}.executions AS e{found}
WHERE e.namespace = $1{filters}
ORDER BY e.execution_id DESC
LIMIT $2

-- name: count
-- How many executions, for each value of these columns.
SELECT {groups}count(*) AS count
FROM {read}.executions AS e{found}
WHERE e.namespace = $1{filters}
{grouping}
LIMIT $2

-- name: find
-- One row of the list.
SELECT {columns} FROM {read}.executions AS e WHERE e.namespace = $1 AND e.execution_id = $2

-- name: found
-- Only those that are found by this key: the first key leads, its rows are in order.
JOIN {read}.found_by AS f ON f.execution_id = e.execution_id AND f.key = {arg}

-- name: found_too
-- Those that are found by this key too.
AND EXISTS (
    SELECT FROM {read}.found_by AS g WHERE g.key = {arg} AND g.execution_id = e.execution_id)

-- name: workflow
-- Of this workflow.
AND e.workflow = {arg}

-- name: version
-- Of this version.
AND e.version = {arg}

-- name: status
-- With this status.
AND e.status = {arg}

-- name: error
-- That failed with this error.
AND e.error_code = {arg}

-- name: forked_from
-- Forks of this execution.
AND e.forked_from = {arg}

-- name: forked
-- Only forks, or none.
AND (e.forked_from IS NOT NULL) = {arg}::boolean

-- name: batch
-- Made by this bulk fork.
AND e.batch = {arg}

-- name: started_from
-- Started then or later.
AND e.started_at >= {arg}

-- name: started_before
-- Started before then.
AND e.started_at < {arg}

-- name: before
-- Behind the last row of the page before.
AND e.execution_id < {arg}
