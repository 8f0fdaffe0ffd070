-- name: settings
-- What decides whether a commit survives a crash, and what the server is.
SELECT current_setting('server_version') AS version,
       current_setting('fsync') AS fsync,
       current_setting('full_page_writes') AS full_page_writes,
       current_setting('synchronous_commit') AS synchronous_commit,
       current_setting('data_checksums') AS data_checksums;

-- name: now_ms
-- The clock of the database.
SELECT log.now_ms_v1();

-- name: migrations
-- Files that ran.
SELECT name FROM log.migrations ORDER BY number;

-- name: may_migrate
-- Whether this login owns the schema of the log, or may make it where there is none.
SELECT CASE
    WHEN to_regnamespace('log') IS NULL
        THEN has_database_privilege(current_database(), 'CREATE')
    ELSE (SELECT pg_has_role(n.nspowner, 'USAGE') FROM pg_namespace AS n WHERE n.nspname = 'log')
END;

-- name: may_change_events
-- Whether the role that an engine works as could change or remove an event.
SELECT current_user AS role,
       (SELECT r.rolsuper FROM pg_roles AS r WHERE r.rolname = current_user) AS superuser,
       has_table_privilege('log.events', 'INSERT') OR has_table_privilege('log.events', 'UPDATE')
       OR has_table_privilege('log.events', 'DELETE')
       OR has_table_privilege('log.events', 'TRUNCATE') AS may;

-- name: shards
-- How many shards have an owner whose lease runs.
SELECT count(*) AS shards, count(*) FILTER (WHERE expires_at > log.now_ms_v1()) AS owned
FROM log.shards;

-- name: partitions
-- The partitions of the events.
SELECT count(*) FROM pg_inherits WHERE inhparent = 'log.events'::regclass;
