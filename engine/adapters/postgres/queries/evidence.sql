-- name: standing
-- How a shard stands: lease, living engines, and what lies in its inbox.
SELECT head.shard, head.owner, head.expires_at, log.now_ms_v1() AS now,
       coalesce((SELECT array_agg(e.engine ORDER BY e.engine) FROM log.engines AS e
                 WHERE e.expires_at > log.now_ms_v1()), '{}') AS engines,
       box.rows, box.oldest_at
FROM log.shards AS head
CROSS JOIN LATERAL (
    SELECT count(*) AS rows, min(i.at) AS oldest_at FROM log.inbox AS i WHERE i.shard = head.shard
) AS box
WHERE head.shard = $1;

-- name: waiting_for
-- What of the inbox is for one execution.
SELECT shard, id, kind, execution_id, namespace, position, body, actor, traceparent, at
FROM log.inbox WHERE shard = $1 AND execution_id = $2 ORDER BY id LIMIT $3;

-- name: waiting_at
-- Hints and offers that one CloudEvent caused and that were not taken yet: a look for each shard.
SELECT i.shard, i.id, i.kind, i.execution_id, i.namespace, i.position, i.body, i.actor,
       i.traceparent, i.at
FROM log.shards AS every
CROSS JOIN LATERAL (
    SELECT one.* FROM log.inbox AS one
    WHERE one.shard = every.shard AND one.kind IN ('hint', 'offer') AND one.namespace = $1
      AND one.position = $2
    LIMIT $3
) AS i
ORDER BY i.id LIMIT $3;

-- name: latest_all
-- CloudEvents with $2 < position <= $3, the newest first.
SELECT position, at, id, source, type, attributes, body FROM log.cloudevents
WHERE namespace = $1 AND position > $2 AND position <= $3
ORDER BY position DESC LIMIT $4;

-- name: latest_types
-- CloudEvents of these types with $2 < position <= $3, the newest first: a look for each type.
SELECT ce.position, ce.at, ce.id, ce.source, ce.type, ce.attributes, ce.body
FROM unnest($5::text[]) AS wanted (type)
CROSS JOIN LATERAL (
    SELECT one.* FROM log.cloudevents AS one
    WHERE one.namespace = $1 AND one.type = wanted.type
      AND one.position > $2 AND one.position <= $3
    ORDER BY one.position DESC LIMIT $4
) AS ce
ORDER BY ce.position DESC LIMIT $4;

-- name: latest_keyed_types
-- CloudEvents of these types and this attribute key, the newest first.
SELECT ce.position, ce.at, ce.id, ce.source, ce.type, ce.attributes, ce.body
FROM unnest($5::text[]) AS wanted (type)
CROSS JOIN LATERAL (
    SELECT one.position FROM log.cloudevent_keys AS one
    WHERE one.namespace = $1 AND one.type = wanted.type AND one.key = $6
      AND one.position > $2 AND one.position <= $3
    ORDER BY one.position DESC LIMIT $4
) AS found
JOIN log.cloudevents AS ce ON ce.namespace = $1 AND ce.position = found.position
ORDER BY ce.position DESC LIMIT $4;

-- name: types_seen
-- The types of a stream, from one to the next by the index: one look for each, however many
-- CloudEvents there are.
WITH RECURSIVE seen AS (
    (SELECT type, 1 AS number FROM log.cloudevents WHERE namespace = $1 ORDER BY type LIMIT 1)
    UNION ALL
    SELECT following.type, seen.number + 1
    FROM seen
    CROSS JOIN LATERAL (
        SELECT ce.type FROM log.cloudevents AS ce
        WHERE ce.namespace = $1 AND ce.type > seen.type ORDER BY ce.type LIMIT 1
    ) AS following
    WHERE seen.number < $2
)
SELECT seen.type, last.position
FROM seen
CROSS JOIN LATERAL (
    SELECT ce.position FROM log.cloudevents AS ce
    WHERE ce.namespace = $1 AND ce.type = seen.type ORDER BY ce.position DESC LIMIT 1
) AS last
ORDER BY seen.type;

-- name: stored
-- One CloudEvent and who sent it.
SELECT position, at, id, source, type, attributes, body, actor FROM log.cloudevents
WHERE namespace = $1 AND position = $2;

-- name: position_of
-- Where the CloudEvent is whose source and id have this key.
SELECT position FROM log.cloudevents_dedup WHERE namespace = $1 AND key16 = $2;

-- name: triggers
-- Triggers active at position $3, and those of type $2 that were so at another time.
SELECT t.namespace, t.trigger, t.workflow, t.version, t.definition_hash, t.types,
       t.from_position, t.to_position
FROM log.triggers AS t
WHERE t.namespace = $1
  AND ((t.from_position < $3 AND (t.to_position IS NULL OR t.to_position >= $3))
       OR $2 = ANY (t.types))
ORDER BY (t.from_position < $3 AND (t.to_position IS NULL OR t.to_position >= $3)) DESC, t.id DESC
LIMIT $4;

-- name: subscriptions
-- Open subscriptions of these types, whatever their key; ids begin with the time. Not all are
-- sorted: a million executions may wait for one type.
SELECT s.shard, s.execution_id, s.wait, s.ref, s.namespace, s.type, s.key, s.after
FROM (
    SELECT one.* FROM log.subscriptions AS one
    WHERE one.namespace = $1 AND one.type = ANY ($2::text[]) LIMIT 10000
) AS s
ORDER BY s.execution_id DESC, s.wait, s.ref LIMIT $3;

-- name: subscribed_types
-- The types that open subscriptions wait for, from one to the next by the index.
WITH RECURSIVE seen AS (
    (SELECT type, 1 AS number FROM log.subscriptions WHERE namespace = $1 ORDER BY type LIMIT 1)
    UNION ALL
    SELECT following.type, seen.number + 1
    FROM seen
    CROSS JOIN LATERAL (
        SELECT s.type FROM log.subscriptions AS s
        WHERE s.namespace = $1 AND s.type > seen.type ORDER BY s.type LIMIT 1
    ) AS following
    WHERE seen.number < $2
)
SELECT type FROM seen ORDER BY type;

-- name: letter
-- One dead letter.
SELECT id, namespace, at, origin, code, reason, headers, body FROM log.dead_letters
WHERE namespace = $1 AND id = $2;

-- name: latest_letters
-- Dead letters, the newest first.
SELECT id, namespace, at, origin, code, reason, headers, body FROM log.dead_letters
WHERE namespace = $1 ORDER BY id DESC LIMIT $2;
