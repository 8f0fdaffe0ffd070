-- For people with SQL: ids as the API writes them, data as JSON.

CREATE FUNCTION log.format_execution_v1(p_execution_id uuid) RETURNS text
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
RETURN (
    SELECT 'ex_' || string_agg(
        substr('0123456789abcdefghjkmnpqrstvwxyz',
               substring(bits.value FROM 5 * place.number + 1 FOR 5)::bit(5)::integer + 1, 1),
        '' ORDER BY place.number)
    FROM (
        SELECT B'00' || ('x' || replace(p_execution_id::text, '-', ''))::bit(128) AS value
    ) AS bits, generate_series(0, 25) AS place (number)
);
COMMENT ON FUNCTION log.format_execution_v1(uuid) IS
    'The id as commands and API write it: ex_ and 26 letters of Crockford''s base 32.';

CREATE VIEW log.history AS
SELECT
    log.format_execution_v1(e.execution_id) AS execution,
    e.seq,
    to_timestamp(e.at / 1000.0) AS at,
    e.type,
    e.name,
    CASE WHEN e.codec = 1 THEN convert_from(e.data, 'UTF8')::json END AS data,
    e.actor,
    e.frame,
    e.branch,
    e.iteration,
    e.attempt,
    e.node,
    e.version,
    e.namespace,
    e.traceparent,
    e.execution_id,
    e.shard,
    e.position
FROM log.events AS e;
COMMENT ON VIEW log.history IS
    'Events with their data as JSON (null where the codec is not plain JSON). Filter by '
    'execution_id, with shard where you know it; order by seq.';
