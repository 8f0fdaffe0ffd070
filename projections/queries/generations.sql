-- What there is of a generation of the read tables.

-- name: is_made
-- Whether the tables are there for this login: one transaction makes them and lets it in.
SELECT EXISTS (
    SELECT FROM pg_namespace AS n
    WHERE n.nspname = 'read' AND has_schema_privilege(n.oid, 'USAGE')
)

-- name: is_there
-- Whether this generation exists.
SELECT to_regnamespace('{read}') IS NOT NULL

-- name: has_version
-- Whether it says of which version it is.
SELECT to_regclass('{read}.made') IS NOT NULL

-- name: version
-- Of which version it is.
SELECT version FROM {read}.made

-- name: fingerprint
-- One hash over all rows, whatever their order: equal after a rebuild. A sum of two 64-bit hashes
-- for each row, and their number.
SELECT md5(string_agg(line, E'\n' ORDER BY line)) AS fingerprint FROM (
    SELECT 'executions' || count(*) || ' ' || COALESCE(sum(hashtextextended(t::text, 0)), 0)
        || ' ' || COALESCE(sum(hashtextextended(t::text, 1)), 0) AS line
    FROM {read}.executions AS t
    UNION ALL
    SELECT 'found_by' || count(*) || ' ' || COALESCE(sum(hashtextextended(t::text, 0)), 0)
        || ' ' || COALESCE(sum(hashtextextended(t::text, 1)), 0)
    FROM {read}.found_by AS t
    UNION ALL
    SELECT 'scopes' || count(*) || ' ' || COALESCE(sum(hashtextextended(t::text, 0)), 0)
        || ' ' || COALESCE(sum(hashtextextended(t::text, 1)), 0)
    FROM {read}.scopes AS t
    UNION ALL
    SELECT 'attempts' || count(*) || ' ' || COALESCE(sum(hashtextextended(t::text, 0)), 0)
        || ' ' || COALESCE(sum(hashtextextended(t::text, 1)), 0)
    FROM {read}.attempts AS t
    UNION ALL
    SELECT 'waits' || count(*) || ' ' || COALESCE(sum(hashtextextended(t::text, 0)), 0)
        || ' ' || COALESCE(sum(hashtextextended(t::text, 1)), 0)
    FROM {read}.waits AS t
    UNION ALL
    SELECT 'taken' || count(*) || ' ' || COALESCE(sum(hashtextextended(t::text, 0)), 0)
        || ' ' || COALESCE(sum(hashtextextended(t::text, 1)), 0)
    FROM {read}.taken AS t
    UNION ALL
    SELECT 'emitted' || count(*) || ' ' || COALESCE(sum(hashtextextended(t::text, 0)), 0)
        || ' ' || COALESCE(sum(hashtextextended(t::text, 1)), 0)
    FROM {read}.emitted AS t
    UNION ALL
    SELECT 'commands' || count(*) || ' ' || COALESCE(sum(hashtextextended(t::text, 0)), 0)
        || ' ' || COALESCE(sum(hashtextextended(t::text, 1)), 0)
    FROM {read}.commands AS t
) AS lines

-- name: rows
-- How many rows each view has: counted, or of large tables as the planner thinks.
WITH known AS (
    SELECT relname AS view, reltuples FROM pg_class WHERE relnamespace = '{read}'::regnamespace
)
SELECT view, CASE
    WHEN reltuples > 5000000 THEN reltuples::bigint
    WHEN view = 'executions' THEN (SELECT count(*) FROM {read}.executions)
    WHEN view = 'found_by' THEN (SELECT count(*) FROM {read}.found_by)
    WHEN view = 'scopes' THEN (SELECT count(*) FROM {read}.scopes)
    WHEN view = 'attempts' THEN (SELECT count(*) FROM {read}.attempts)
    WHEN view = 'waits' THEN (SELECT count(*) FROM {read}.waits)
    WHEN view = 'taken' THEN (SELECT count(*) FROM {read}.taken)
    WHEN view = 'emitted' THEN (SELECT count(*) FROM {read}.emitted)
    ELSE (SELECT count(*) FROM {read}.commands) END AS rows
FROM known
WHERE view IN ('executions', 'found_by', 'scopes', 'attempts', 'waits', 'taken', 'emitted',
               'commands')
ORDER BY view

-- name: now_ms
-- The database's clock.
SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms
