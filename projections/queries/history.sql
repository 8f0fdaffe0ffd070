-- The history of one execution, in order of what opened.

-- name: scopes
-- Its states, branches and iterations behind a seq.
SELECT frame, parent, kind, name, type, node, branch, iteration, entered_at, left_at, left_seq,
       outcome, next, error_code
FROM {read}.scopes
WHERE execution_id = $1 AND frame > $2
ORDER BY frame
LIMIT $3

-- name: some_scopes
-- These scopes of it.
SELECT frame, parent FROM {read}.scopes WHERE execution_id = $1 AND frame = ANY($2::bigint[])

-- name: attempts
-- The attempts of its actions behind a seq.
SELECT seq, frame, name, function, attempt, first, answered_by, scheduled_at, ended_at, ended_seq,
       outcome, error_code, error_message
FROM {read}.attempts
WHERE execution_id = $1 AND seq > $2
ORDER BY seq
LIMIT $3

-- name: waits
-- Its timers, waits for CloudEvents and callbacks behind a seq.
SELECT seq, frame, kind, purpose, name, types, opened_at, due, closed_at, closed_seq, outcome
FROM {read}.waits
WHERE execution_id = $1 AND seq > $2
ORDER BY seq
LIMIT $3
