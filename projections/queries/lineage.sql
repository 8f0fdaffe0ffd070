-- Which CloudEvents executions took and emitted. What stands in a copied beginning of an execution
-- happened in another one.

-- name: taken_at
-- What took the CloudEvent at this position, the first first.
SELECT t.execution_id, t.seq, t.role, t.ref, t.name, t.at, e.workflow, e.version, e.status
FROM {read}.taken AS t
LEFT JOIN {read}.executions AS e ON e.execution_id = t.execution_id
WHERE t.namespace = $1 AND t.position = $2 AND t.seq > COALESCE(e.copied_upto, 0)
  AND (t.execution_id, t.seq) > ($3::uuid, $4::bigint)
ORDER BY t.execution_id, t.seq
LIMIT $5

-- name: taken_by
-- What this execution took, behind a seq.
SELECT t.seq, t.position, t.event_id, t.source, t.type, t.role, t.ref, t.name, t.at, t.emitter,
       t.emitter_seq
FROM {read}.taken AS t
WHERE t.execution_id = $1 AND t.seq > $2
ORDER BY t.seq
LIMIT $3

-- name: emitted_by
-- What this execution emitted, behind a seq.
SELECT m.seq, m.source, m.type, m.ref, m.at, s.name AS state
FROM {read}.emitted AS m
LEFT JOIN {read}.scopes AS s ON s.execution_id = m.execution_id AND s.frame = m.frame
WHERE m.execution_id = $1 AND m.seq > $2
ORDER BY m.seq
LIMIT $3

-- name: emission
-- The event that emitted the CloudEvent with this id and source.
SELECT m.execution_id, m.seq, m.at, s.name AS state, e.workflow, e.version, e.status
FROM {read}.emitted AS m
LEFT JOIN {read}.scopes AS s ON s.execution_id = m.execution_id AND s.frame = m.frame
LEFT JOIN {read}.executions AS e ON e.execution_id = m.execution_id
WHERE m.namespace = $1 AND m.execution_id = $2 AND m.seq = $3 AND m.source = $4
  AND m.seq > COALESCE(e.copied_upto, 0)

-- name: taken_from
-- What took the CloudEvents that these executions emitted.
SELECT m.execution_id AS emitter, m.seq AS emitter_seq, m.type, t.position, t.execution_id, t.seq,
       t.role, t.name, t.at, e.workflow, e.version, e.status
FROM {read}.emitted AS m
JOIN {read}.taken AS t
    ON t.emitter = m.execution_id AND t.emitter_seq = m.seq AND t.source = m.source
LEFT JOIN {read}.executions AS e ON e.execution_id = t.execution_id
WHERE m.execution_id = ANY($1::uuid[]) AND m.namespace = $2 AND t.namespace = $2
  AND t.seq > COALESCE(e.copied_upto, 0)
ORDER BY m.execution_id, m.seq, t.execution_id, t.seq
LIMIT $3
