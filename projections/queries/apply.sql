-- What a batch of the log's events changes; all of it in one transaction with the position. Every
-- statement takes one array for each column.

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
-- A new row of the execution list, with all that the batch says of it.
INSERT INTO {read}.executions (
    execution_id, shard, namespace, workflow, version, definition_hash, name, start_key, actor,
    trigger_position, labels, started_at, actions, waits, last_seq, last_at, status, suspended,
    closed_at, error_code, error_message, forked_from, forked_at, copied_upto, rehearsed, batch)
SELECT
    o.execution_id, o.shard, o.namespace, COALESCE(o.new_workflow, o.workflow),
    COALESCE(o.new_version, o.version), COALESCE(o.new_hash, o.definition_hash),
    CASE WHEN o.forked_at IS NULL THEN o.name ELSE o.new_name END,
    CASE WHEN o.forked_at IS NULL THEN o.start_key ELSE o.new_key END,
    o.actor, o.trigger_position, o.labels::jsonb, o.started_at,
    o.actions, o.gathered + o.waits, o.last_seq, o.last_at,
    CASE
        WHEN o.phase IS NOT NULL THEN o.phase
        WHEN o.suspended THEN 'suspended'
        WHEN o.actions <= 0 AND o.gathered + o.waits > 0 THEN 'waiting'
        ELSE 'running' END,
    COALESCE(o.suspended, false), o.closed_at, o.error_code, o.error_message, o.forked_from,
    o.forked_at, COALESCE(o.copied_upto, 0), COALESCE(o.rehearsed, false), o.batch
FROM unnest(
    $1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::bigint[], $11::text[], $12::bigint[], $13::int[],
    $14::int[], $15::int[], $16::bigint[], $17::bigint[], $18::text[], $19::boolean[],
    $20::bigint[], $21::text[], $22::text[], $23::text[], $24::text[], $25::text[], $26::text[],
    $27::text[], $28::uuid[], $29::bigint[], $30::bigint[], $31::boolean[],
    $32::text[]
) AS o (
    execution_id, shard, namespace, workflow, version, definition_hash, name, start_key,
    actor, trigger_position, labels, started_at, gathered,
    actions, waits, last_seq, last_at, phase, suspended,
    closed_at, error_code, error_message, new_workflow, new_version, new_hash, new_name,
    new_key, forked_from, forked_at, copied_upto, rehearsed, batch)
ON CONFLICT DO NOTHING

-- name: change_execution
-- Add the differences; the status follows from the counts until the execution ended.
UPDATE {read}.executions AS e SET
    actions = e.actions + c.actions,
    waits = e.waits + c.waits,
    last_seq = c.last_seq,
    last_at = c.last_at,
    suspended = COALESCE(c.suspended, e.suspended),
    status = CASE
        WHEN c.phase IS NOT NULL THEN c.phase
        WHEN e.closed_at IS NOT NULL THEN e.status
        WHEN COALESCE(c.suspended, e.suspended) THEN 'suspended'
        WHEN e.actions + c.actions <= 0 AND e.waits + c.waits > 0 THEN 'waiting'
        ELSE 'running' END,
    closed_at = COALESCE(c.closed_at, e.closed_at),
    error_code = COALESCE(c.error_code, e.error_code),
    error_message = COALESCE(c.error_message, e.error_message),
    workflow = COALESCE(c.workflow, e.workflow),
    version = COALESCE(c.version, e.version),
    definition_hash = COALESCE(c.definition_hash, e.definition_hash),
    name = CASE WHEN c.forked_at IS NULL THEN e.name ELSE c.name END,
    start_key = CASE WHEN c.forked_at IS NULL THEN e.start_key ELSE c.start_key END,
    forked_from = COALESCE(c.forked_from, e.forked_from),
    forked_at = COALESCE(c.forked_at, e.forked_at),
    copied_upto = COALESCE(c.copied_upto, e.copied_upto),
    rehearsed = COALESCE(c.rehearsed, e.rehearsed),
    batch = COALESCE(c.batch, e.batch)
FROM unnest(
    $1::uuid[], $2::int[], $3::int[], $4::bigint[], $5::bigint[], $6::text[], $7::boolean[],
    $8::bigint[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
    $15::text[], $16::uuid[], $17::bigint[], $18::bigint[], $19::boolean[],
    $20::text[]
) AS c (
    execution_id, actions, waits, last_seq, last_at, phase, suspended,
    closed_at, error_code, error_message, workflow, version, definition_hash, name,
    start_key, forked_from, forked_at, copied_upto, rehearsed, batch)
WHERE e.execution_id = c.execution_id

-- name: add_found
-- What executions are found by.
INSERT INTO {read}.found_by (key, execution_id)
SELECT key, execution_id FROM unnest($1::bigint[], $2::uuid[]) AS f (key, execution_id)
ON CONFLICT DO NOTHING

-- name: drop_found
-- What executions are no longer found by.
DELETE FROM {read}.found_by AS b
USING unnest($1::bigint[], $2::uuid[]) AS f (key, execution_id)
WHERE b.key = f.key AND b.execution_id = f.execution_id

-- name: open_scope
-- States, branches and iterations that were entered.
INSERT INTO {read}.scopes (
    execution_id, frame, parent, kind, name, type, node, branch, iteration, entered_at, left_at,
    left_seq, outcome, next, error_code)
SELECT * FROM unnest(
    $1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::int[], $9::int[], $10::bigint[], $11::bigint[], $12::bigint[], $13::text[], $14::text[],
    $15::text[])
ON CONFLICT DO NOTHING

-- name: close_scope
-- Those that were left, or in which an error was caught.
UPDATE {read}.scopes AS s SET
    left_at = COALESCE(c.left_at, s.left_at),
    left_seq = COALESCE(c.left_seq, s.left_seq),
    outcome = CASE WHEN c.outcome = 'failed' THEN c.outcome ELSE COALESCE(s.outcome, c.outcome) END,
    next = COALESCE(c.next, s.next),
    error_code = COALESCE(c.error_code, s.error_code)
FROM unnest(
    $1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[]
) AS c (execution_id, frame, left_at, left_seq, outcome, next, error_code)
WHERE s.execution_id = c.execution_id AND s.frame = c.frame

-- name: end_scopes
-- What was open when these executions ended.
UPDATE {read}.scopes AS s SET
    left_at = c.at,
    left_seq = c.seq,
    outcome = COALESCE(s.outcome, c.outcome),
    error_code = COALESCE(s.error_code, c.error_code)
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::text[])
    AS c (execution_id, at, seq, outcome, error_code)
WHERE s.execution_id = c.execution_id AND s.left_at IS NULL

-- name: open_attempt
-- Actions that were scheduled.
INSERT INTO {read}.attempts (
    execution_id, seq, frame, name, function, attempt, first, answered_by, scheduled_at, ended_at,
    ended_seq, outcome, error_code, error_message)
SELECT * FROM unnest(
    $1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::int[], $7::bigint[],
    $8::text[], $9::bigint[], $10::bigint[], $11::bigint[], $12::text[], $13::text[], $14::text[])
ON CONFLICT DO NOTHING

-- name: end_attempt
-- Those that answered, failed or were cancelled.
UPDATE {read}.attempts AS a SET
    ended_at = c.ended_at,
    ended_seq = c.ended_seq,
    outcome = c.outcome,
    error_code = c.error_code,
    error_message = c.error_message
FROM unnest(
    $1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[]
) AS c (execution_id, seq, ended_at, ended_seq, outcome, error_code, error_message)
WHERE a.execution_id = c.execution_id AND a.seq = c.seq

-- name: open_wait
-- Timers, waits for CloudEvents and callbacks that were opened.
INSERT INTO {read}.waits (
    execution_id, seq, namespace, workflow, kind, purpose, frame, name, types, filters, opened_at,
    due, closed_at, closed_seq, outcome)
SELECT execution_id, seq, namespace, workflow, kind, purpose, frame, name, types::jsonb,
       filters::jsonb, opened_at, due, closed_at, closed_seq, outcome
FROM unnest(
    $1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[],
    $8::text[], $9::text[], $10::text[], $11::bigint[], $12::bigint[], $13::bigint[],
    $14::bigint[], $15::text[]
) AS o (execution_id, seq, namespace, workflow, kind, purpose, frame, name, types, filters,
        opened_at, due, closed_at, closed_seq, outcome)
ON CONFLICT DO NOTHING

-- name: change_wait
-- Time-outs of waits, and waits that ended.
UPDATE {read}.waits AS w SET
    due = COALESCE(c.due, w.due),
    closed_at = COALESCE(c.closed_at, w.closed_at),
    closed_seq = COALESCE(c.closed_seq, w.closed_seq),
    outcome = COALESCE(c.outcome, w.outcome)
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[])
    AS c (execution_id, seq, due, closed_at, closed_seq, outcome)
WHERE w.execution_id = c.execution_id AND w.seq = c.seq

-- name: add_taken
-- CloudEvents that were taken.
INSERT INTO {read}.taken (
    execution_id, seq, namespace, position, event_id, source, type, ref, role, name, at, emitter,
    emitter_seq)
SELECT * FROM unnest(
    $1::uuid[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::text[], $11::bigint[], $12::uuid[], $13::bigint[])
ON CONFLICT DO NOTHING

-- name: add_emitted
-- CloudEvents that were emitted.
INSERT INTO {read}.emitted (execution_id, seq, namespace, source, type, ref, frame, at)
SELECT * FROM unnest(
    $1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[],
    $8::bigint[])
ON CONFLICT DO NOTHING

-- name: add_command
-- Commands that were obeyed.
INSERT INTO {read}.commands (execution_id, seq, namespace, at, actor, action, origin, reason)
SELECT * FROM unnest(
    $1::uuid[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[],
    $8::text[])
ON CONFLICT DO NOTHING
