-- name: settings
-- How every namespace encrypts that was ever switched.
SELECT namespace, encryption, since FROM log.namespaces ORDER BY namespace;

-- name: encryption
-- How these namespaces encrypt now, if they ever did.
SELECT namespace, encryption FROM log.namespaces WHERE namespace = ANY ($1);

-- name: set_encryption
-- Switches a namespace and records it.
SELECT log.set_encryption_v1($1, $2, $3, $4, $5);

-- name: claim
-- The keys of executions that begin.
SELECT execution_id, key_id, namespace, kind, owner, wrapped, created_at, erased_at
FROM log.claim_keys_v1($1);

-- name: find
-- Keys by id.
SELECT key_id, namespace, kind, owner, wrapped, created_at, erased_at
FROM log.data_keys WHERE key_id = ANY ($1);

-- name: of_owner
-- All keys of an owner, the living one first, then the newest.
SELECT key_id, namespace, kind, owner, wrapped, created_at, erased_at
FROM log.data_keys WHERE namespace = $1 AND kind = $2 AND owner = $3
ORDER BY erased_at IS NOT NULL, created_at DESC, key_id;

-- name: of_executions
-- Which key seals each of these executions.
SELECT execution_id, key_id FROM log.key_uses WHERE execution_id = ANY ($1);

-- name: uses
-- Executions that a key seals.
SELECT execution_id FROM log.key_uses
WHERE key_id = $1 AND execution_id > $2 ORDER BY execution_id LIMIT $3;

-- name: page
-- Living keys behind an id.
SELECT key_id, namespace, kind, owner, wrapped, created_at, erased_at
FROM log.data_keys WHERE erased_at IS NULL AND key_id > $1 ORDER BY key_id LIMIT $2;

-- name: rewrap
-- Replaces the wrapped form of a key.
SELECT log.rewrap_key_v1($1, $2, $3);
