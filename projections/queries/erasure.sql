-- Executions whose data was erased leave the read tables.

-- name: due
-- Those that are still here and of which every event was read, so that no batch under way brings
-- them back: their shards, locked as a batch locks them.
SELECT g.execution_id FROM log.erased AS g
JOIN {read}.positions AS p ON p.shard = (
    ('x' || substr(replace(g.execution_id::text, '-', ''), 14, 3))::bit(12)::int)
WHERE NOT EXISTS (SELECT FROM {read}.dropped AS d WHERE d.execution_id = g.execution_id)
  AND p.position >= COALESCE((
      SELECT v.position FROM log.events AS v
      WHERE v.shard = p.shard AND v.execution_id = g.execution_id
      ORDER BY v.seq DESC LIMIT 1), 0)
LIMIT 1000
FOR UPDATE OF p

-- name: drop_executions
-- Their rows of the execution list.
DELETE FROM {read}.executions WHERE execution_id = ANY($1::uuid[])

-- name: drop_found_by
-- What they were found by: there is no index for it, erasing is rare.
DELETE FROM {read}.found_by WHERE execution_id = ANY($1::uuid[])

-- name: drop_scopes
-- Their history.
DELETE FROM {read}.scopes WHERE execution_id = ANY($1::uuid[])

-- name: drop_attempts
-- The attempts of their actions.
DELETE FROM {read}.attempts WHERE execution_id = ANY($1::uuid[])

-- name: drop_waits
-- Their waits.
DELETE FROM {read}.waits WHERE execution_id = ANY($1::uuid[])

-- name: drop_taken
-- The CloudEvents that they took.
DELETE FROM {read}.taken WHERE execution_id = ANY($1::uuid[])

-- name: drop_emitted
-- The CloudEvents that they emitted.
DELETE FROM {read}.emitted WHERE execution_id = ANY($1::uuid[])

-- name: drop_commands
-- The commands that they obeyed.
DELETE FROM {read}.commands WHERE execution_id = ANY($1::uuid[])

-- name: note
-- They are gone.
INSERT INTO {read}.dropped (execution_id)
SELECT execution_id FROM unnest($1::uuid[]) AS execution_id ON CONFLICT DO NOTHING
