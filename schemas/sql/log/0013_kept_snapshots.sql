-- Snapshots of the past: so that the state at any event is a short fold, however long the log is.

CREATE TABLE log.kept_snapshots (
    shard          integer NOT NULL,
    execution_id   uuid    NOT NULL,
    seq            integer NOT NULL,
    evolve_version integer NOT NULL,
    state          bytea   NOT NULL,
    PRIMARY KEY (shard, execution_id, seq)
);
COMMENT ON TABLE log.kept_snapshots IS
    'Cached folds of earlier events, beside the newest in log.snapshots. Any row may be deleted at '
    'any time; none is evidence of anything.';

CREATE FUNCTION log.keep_snapshot_v1(
    p_shard integer, p_execution_id uuid, p_seq integer, p_evolve_version integer, p_state bytea
) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO log.kept_snapshots AS kept (shard, execution_id, seq, evolve_version, state)
    VALUES (p_shard, p_execution_id, p_seq, p_evolve_version, p_state)
    ON CONFLICT (shard, execution_id, seq) DO UPDATE
    SET evolve_version = excluded.evolve_version, state = excluded.state
    WHERE kept.evolve_version < excluded.evolve_version;
END;
COMMENT ON FUNCTION log.keep_snapshot_v1(integer, uuid, integer, integer, bytea) IS
    'Keeps the state after one event; one that a newer release kept there stays.';
SELECT log.grant_engine_v2();
