-- name: ingest
-- Store CloudEvents; a receipt for each, in order.
SELECT stored_at, outcome FROM log.ingest_v2($1, $2, $3);

-- name: head
-- The last visible position.
SELECT head FROM log.streams WHERE namespace = $1;

-- name: settled_head
-- The last position after every ingest in flight.
SELECT log.stream_head_v1($1);

-- name: matched
-- The matcher's cursor.
SELECT matched FROM log.streams WHERE namespace = $1;

-- name: read_all
-- CloudEvents with $2 < position <= $3, in order.
SELECT position, at, id, source, type, attributes, body FROM log.cloudevents
WHERE namespace = $1 AND position > $2 AND position <= $3
ORDER BY position LIMIT $4;

-- name: read_types
-- CloudEvents of these types with $2 < position <= $3, in order: a bounded look for each type.
SELECT ce.position, ce.at, ce.id, ce.source, ce.type, ce.attributes, ce.body
FROM unnest($5::text[]) AS wanted (type)
CROSS JOIN LATERAL (
    SELECT one.* FROM log.cloudevents AS one
    WHERE one.namespace = $1 AND one.type = wanted.type
      AND one.position > $2 AND one.position <= $3
    ORDER BY one.position LIMIT $4
) AS ce
ORDER BY ce.position LIMIT $4;

-- name: read_keyed_types
-- CloudEvents of these types and this attribute key with $2 < position <= $3, in order.
SELECT ce.position, ce.at, ce.id, ce.source, ce.type, ce.attributes, ce.body
FROM unnest($5::text[]) AS wanted (type)
CROSS JOIN LATERAL (
    SELECT one.position FROM log.cloudevent_keys AS one
    WHERE one.namespace = $1 AND one.type = wanted.type AND one.key = $6
      AND one.position > $2 AND one.position <= $3
    ORDER BY one.position LIMIT $4
) AS found
JOIN log.cloudevents AS ce ON ce.namespace = $1 AND ce.position = found.position
ORDER BY ce.position LIMIT $4;

-- name: read_keyed
-- CloudEvents of any type with this attribute key and $2 < position <= $3, in order.
SELECT ce.position, ce.at, ce.id, ce.source, ce.type, ce.attributes, ce.body
FROM log.cloudevents AS ce
WHERE ce.namespace = $1 AND ce.position > $2 AND ce.position <= $3
  AND EXISTS (
    SELECT 1 FROM log.cloudevent_keys AS one
    WHERE one.namespace = $1 AND one.type = ce.type AND one.key = $5
      AND one.position = ce.position
  )
ORDER BY ce.position LIMIT $4;

-- name: namespaces
-- Streams matched in these shards that have CloudEvents not matched yet.
SELECT namespace FROM log.streams
WHERE shard = ANY ($1::integer[]) AND matched < head ORDER BY namespace;

-- name: triggers
-- Triggers whose range is not empty and not wholly matched.
SELECT t.namespace, t.trigger, t.workflow, t.version, t.definition_hash, t.types,
       t.from_position, t.to_position
FROM log.triggers AS t
WHERE t.namespace = $1
  AND (t.to_position IS NULL
       OR (t.to_position > t.from_position
           AND t.to_position > coalesce(
               (SELECT s.matched FROM log.streams AS s WHERE s.namespace = $1), 0)))
ORDER BY t.id;

-- name: subscribers
-- Open subscriptions of these types that any key or one of these keys satisfies: a look for each
-- type and key (OFFSET 0 keeps the planner from reading all subscriptions of a type).
SELECT s.shard, s.execution_id, s.wait, s.ref, s.namespace, s.type, s.key, s.after
FROM unnest($2::text[]) AS wanted (type)
CROSS JOIN LATERAL (
    SELECT one.* FROM log.subscriptions AS one
    WHERE one.namespace = $1 AND one.type = wanted.type AND one.key IS NULL
    OFFSET 0
) AS s
UNION ALL
SELECT s.shard, s.execution_id, s.wait, s.ref, s.namespace, s.type, s.key, s.after
FROM unnest($2::text[]) AS wanted (type)
CROSS JOIN unnest($3::bytea[]) AS given (key)
CROSS JOIN LATERAL (
    SELECT one.* FROM log.subscriptions AS one
    WHERE one.namespace = $1 AND one.type = wanted.type AND one.key = given.key
    OFFSET 0
) AS s
ORDER BY shard, execution_id, wait, ref;

-- name: advance
-- Put matches into the inboxes and move the cursor.
SELECT log.advance_match_v1($1, $2, $3, $4, $5, $6);

-- name: dead_letter
-- Keep a message that could not be read.
INSERT INTO log.dead_letters (namespace, origin, code, reason, headers, body)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: dead_letters
-- Dead letters of a namespace behind an id, in order.
SELECT id, namespace, at, origin, code, reason, headers, body FROM log.dead_letters
WHERE namespace = $1 AND id > $2 ORDER BY id LIMIT $3;
