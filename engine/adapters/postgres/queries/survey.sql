-- name: births
-- Executions of a shard in order of id; of each the last event at a position <= $3, and whether it
-- has any at all.
SELECT born.shard, born.execution_id, born.namespace, born.workflow, born.version,
       born.definition_hash, born.dialect, born.ir_version, born.start_key, born.parent, born.root,
       born.forked_from, born.forked_at, born.continued_from,
       last.seq AS last_seq, last.hash AS last_hash, one.seq AS some_seq
FROM (
    SELECT x.* FROM log.executions AS x
    WHERE x.shard = $1 AND x.execution_id > $2
    ORDER BY x.execution_id LIMIT $4
) AS born
LEFT JOIN LATERAL (
    SELECT e.seq, e.hash FROM log.events AS e
    WHERE e.shard = $1 AND e.execution_id = born.execution_id AND e.position <= $3
    ORDER BY e.seq DESC LIMIT 1
) AS last ON true
LEFT JOIN LATERAL (
    SELECT e.seq FROM log.events AS e
    WHERE e.shard = $1 AND e.execution_id = born.execution_id LIMIT 1
) AS one ON true
ORDER BY born.execution_id;

-- name: events
-- Events of a shard in order of (execution, seq), behind ($2, $3).
SELECT shard, position, execution_id, seq, namespace, type, version, at, actor, causation,
       traceparent, frame, node, name, branch, iteration, attempt, epoch, codec, key_id, salt,
       data, digest, hash
FROM log.events
WHERE shard = $1 AND (execution_id, seq) > ($2, $3) AND position <= $4
ORDER BY execution_id, seq LIMIT $5;

-- name: marks
-- What commits record of events: those with $2 < position <= $3, in order.
SELECT position, execution_id, seq, epoch, hash FROM log.events
WHERE shard = $1 AND position > $2 AND position <= $3
ORDER BY position;

-- name: definitions
-- Versions of all namespaces behind ($1, $2, $3), with their documents.
SELECT d.namespace, d.workflow, d.version, d.definition_hash, d.dialect, d.media_type, d.source,
       d.created_at, d.actor, d.active,
       ARRAY(
           SELECT ROW (r.uri, r.content) FROM log.resources AS r
           WHERE r.namespace = d.namespace AND r.workflow = d.workflow AND r.version = d.version
       ) AS resources
FROM log.definitions AS d
WHERE (d.namespace, d.workflow, d.version) > ($1, $2, $3)
ORDER BY d.namespace, d.workflow, d.version LIMIT $4;

-- name: digests
-- Digests of the CloudEvents of all namespaces behind ($1, $2).
SELECT namespace, position, digest FROM log.cloudevents
WHERE (namespace, position) > ($1, $2)
ORDER BY namespace, position LIMIT $3;

-- name: senders
-- Who sent CloudEvents, the newest first.
SELECT position, at, actor, id, source, type FROM log.cloudevents
WHERE namespace = $1 AND position < $2 ORDER BY position DESC LIMIT $3;
