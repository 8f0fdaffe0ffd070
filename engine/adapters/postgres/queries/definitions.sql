-- name: apply
-- Store and activate a version, and record it.
SELECT log.apply_definition_v2($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- name: keep
-- Store a version without activating it, and record it.
SELECT log.keep_definition_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: by_version
-- One version.
SELECT namespace, workflow, version, definition_hash, dialect, media_type, source, created_at,
       actor, active
FROM log.definitions WHERE namespace = $1 AND workflow = $2 AND version = $3;

-- name: active
-- The active version.
SELECT namespace, workflow, version, definition_hash, dialect, media_type, source, created_at,
       actor, active
FROM log.definitions WHERE namespace = $1 AND workflow = $2 AND active;

-- name: resolve
-- Version and hash of a version, or of the active one ($3 null), without its text.
SELECT version, definition_hash
FROM log.definitions
WHERE namespace = $1 AND workflow = $2 AND CASE WHEN $3::text IS NULL THEN active ELSE version = $3 END;

-- name: by_hash
-- The version with this hash; the first, should two versions hold the same.
SELECT namespace, workflow, version, definition_hash, dialect, media_type, source, created_at,
       actor, active
FROM log.definitions WHERE namespace = $1 AND definition_hash = $2
ORDER BY created_at, version LIMIT 1;

-- name: list
-- Versions in order of (workflow, created_at, version), those behind ($2, $3).
SELECT d.namespace, d.workflow, d.version, d.definition_hash, d.dialect, d.media_type, d.source,
       d.created_at, d.actor, d.active
FROM log.definitions AS d
WHERE d.namespace = $1
  AND (d.workflow > $2
       OR (d.workflow = $2 AND (d.created_at, d.version) > (
           SELECT p.created_at, p.version FROM log.definitions AS p
           WHERE p.namespace = $1 AND p.workflow = $2 AND p.version = $3)))
ORDER BY d.workflow, d.created_at, d.version LIMIT $4;

-- name: resources
-- The documents stored with these versions.
SELECT r.workflow, r.version, r.uri, r.content
FROM unnest($2::text[], $3::text[]) AS wanted (workflow, version)
JOIN log.resources AS r
  ON r.namespace = $1 AND r.workflow = wanted.workflow AND r.version = wanted.version;
