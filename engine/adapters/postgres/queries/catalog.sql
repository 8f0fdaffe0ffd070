-- name: installation
-- What is fixed for the life of the installation.
SELECT cluster_id::text, shards, chain_version, callback_secret FROM log.meta;

-- name: find_birth
-- The birth row of an execution of this namespace.
SELECT shard, execution_id, namespace, workflow, version, definition_hash, dialect, ir_version,
       start_key, parent, root, forked_from, forked_at, continued_from
FROM log.executions WHERE shard = $1 AND execution_id = $2 AND namespace = $3;

-- name: find_by_key
-- The execution that a start key gave.
SELECT execution_id FROM log.start_keys WHERE namespace = $1 AND workflow = $2 AND key = $3;

-- name: may_act_as_engine
-- Whether the role of the engine exists and this login may take it on.
SELECT CASE
    WHEN to_regrole('refold_engine') IS NULL THEN false
    WHEN current_setting('server_version_num')::integer >= 160000
        THEN pg_has_role(to_regrole('refold_engine')::oid, 'SET')
    ELSE pg_has_role(to_regrole('refold_engine')::oid, 'MEMBER')
END;
