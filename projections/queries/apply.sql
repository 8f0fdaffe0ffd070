-- What a batch of the log's events changes; all of it in one transaction with the position.

-- name: lock_positions
-- The positions of these shards, locked in their order: two projectors cannot apply the same twice.
SELECT shard, position FROM {read}.positions WHERE shard = ANY($1::int[]) ORDER BY shard FOR UPDATE

-- name: add_positions
-- Shards that were never read.
INSERT INTO {read}.positions (shard, position)
SELECT shard, 0 FROM unnest($1::int[]) AS shard ON CONFLICT DO NOTHING

-- name: move_positions
-- Everything up to these positions is in the tables.
UPDATE {read}.positions AS p SET position = moved.position
FROM unnest($1::int[], $2::bigint[]) AS moved (shard, position)
WHERE p.shard = moved.shard

-- name: positions
-- How far each shard was read.
SELECT shard, position FROM {read}.positions

-- name: open_execution
-- A new row of the execution list.
INSERT INTO {read}.executions (
    execution_id, shard, namespace, workflow, version, definition_hash, name, start_key,
    trigger_source, trigger_id, started_at, waits, status, actions, last_seq, last_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'running', 0, 0, $11)
ON CONFLICT DO NOTHING

-- name: change_execution
-- Add the differences; the status follows from the counts until the execution ended.
UPDATE {read}.executions SET
    actions = actions + $2,
    waits = waits + $3,
    last_seq = $4,
    last_at = $5,
    status = CASE
        WHEN $6::text IS NOT NULL THEN $6
        WHEN closed_at IS NOT NULL THEN status
        WHEN actions + $2 <= 0 AND waits + $3 > 0 THEN 'waiting'
        ELSE 'running' END,
    closed_at = COALESCE($7, closed_at),
    error_code = COALESCE($8, error_code),
    error_message = COALESCE($9, error_message)
WHERE execution_id = $1

-- name: open_scope
-- A state, branch or iteration was entered.
INSERT INTO {read}.scopes (
    execution_id, frame, parent, kind, name, type, node, branch, iteration, entered_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT DO NOTHING

-- name: close_scope
-- It was left, or an error was caught in it.
UPDATE {read}.scopes SET
    left_at = COALESCE($3, left_at),
    outcome = COALESCE(outcome, $4),
    next = COALESCE($5, next),
    error_code = COALESCE($6, error_code)
WHERE execution_id = $1 AND frame = $2

-- name: open_attempt
-- An action was scheduled.
INSERT INTO {read}.attempts (
    execution_id, seq, frame, name, function, attempt, scheduled_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING

-- name: end_attempt
-- It answered, failed or was cancelled.
UPDATE {read}.attempts SET ended_at = $3, outcome = $4, error_code = $5, error_message = $6
WHERE execution_id = $1 AND seq = $2
