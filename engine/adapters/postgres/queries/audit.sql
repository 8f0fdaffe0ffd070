-- name: record
-- Append an entry to its stream.
SELECT log.audit_v1($1);

-- name: read
-- Entries of a stream in order.
SELECT namespace, position, at, actor, action, target, salt, data, digest, hash
FROM log.audit WHERE namespace = $1 AND position > $2 AND position <= $3
ORDER BY position LIMIT $4;

-- name: find
-- Entries that are wanted, the newest first; a null wants any.
SELECT a.namespace, a.position, a.at, a.actor, a.action, a.target, a.salt, a.data, a.digest, a.hash
FROM log.audit AS a
WHERE a.namespace = $1 AND a.position < $2
  AND ($3::text IS NULL OR a.actor = $3)
  AND ($4::text IS NULL OR a.action = $4 OR ($4 LIKE '%.' AND starts_with(a.action, $4)))
  AND ($5::text IS NULL OR a.target = $5)
  AND a.at BETWEEN $6 AND $7
ORDER BY a.position DESC LIMIT $8;

-- name: heads
-- The head rows of all streams.
SELECT namespace, position, at, hash FROM log.audit_heads ORDER BY namespace;
