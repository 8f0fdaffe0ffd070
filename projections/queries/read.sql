-- What the API asks of the read tables.

-- name: is_made
-- Whether the tables are there for this login: one transaction makes them and lets it in.
SELECT EXISTS (
    SELECT FROM pg_namespace AS n
    WHERE n.nspname = 'read' AND has_schema_privilege(n.oid, 'USAGE')
)

-- name: list_executions
-- A page of executions, newest first; every filter may be null. Keyset: $7 is the last id before.
SELECT execution_id, namespace, workflow, version, definition_hash, name, status, started_at,
       closed_at, last_seq, error_code, error_message, trigger_source, trigger_id
FROM {read}.executions
WHERE namespace = $1
  AND ($2::text IS NULL OR workflow = $2)
  AND ($3::text IS NULL OR version = $3)
  AND ($4::text IS NULL OR status = $4)
  AND ($5::bigint IS NULL OR started_at >= $5)
  AND ($6::bigint IS NULL OR started_at < $6)
  AND ($7::uuid IS NULL OR execution_id < $7)
ORDER BY execution_id DESC
LIMIT $8

-- name: find_execution
-- One row of the list.
SELECT execution_id, namespace, workflow, version, definition_hash, name, status, started_at,
       closed_at, last_seq, error_code, error_message, trigger_source, trigger_id
FROM {read}.executions
WHERE namespace = $1 AND execution_id = $2

-- name: list_scopes
-- The history of one execution: its states, branches and iterations.
SELECT s.frame, s.parent, s.kind, s.name, s.type, s.node, s.branch, s.iteration, s.entered_at,
       s.left_at, s.outcome, s.next, s.error_code
FROM {read}.scopes s JOIN {read}.executions e USING (execution_id)
WHERE e.namespace = $1 AND execution_id = $2
ORDER BY s.frame
LIMIT $3

-- name: list_attempts
-- The attempts of one execution's actions.
SELECT a.seq, a.frame, a.name, a.function, a.attempt, a.scheduled_at, a.ended_at, a.outcome,
       a.error_code, a.error_message
FROM {read}.attempts a JOIN {read}.executions e USING (execution_id)
WHERE e.namespace = $1 AND execution_id = $2
ORDER BY a.seq
LIMIT $3

-- name: fingerprint
-- One hash over all rows: equal after a rebuild.
SELECT md5(string_agg(line, E'\n' ORDER BY line)) FROM (
    SELECT 'e' || t::text AS line FROM {read}.executions t
    UNION ALL SELECT 's' || t::text FROM {read}.scopes t
    UNION ALL SELECT 'a' || t::text FROM {read}.attempts t
) lines
