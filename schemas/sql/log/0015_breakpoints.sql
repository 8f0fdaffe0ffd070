-- Breakpoints: what holds an execution before it enters a state.

CREATE TABLE log.breakpoints (
    namespace         text    COLLATE "C" NOT NULL,
    id                uuid    PRIMARY KEY,
    workflow          text    NOT NULL,
    version           text,
    state             text    NOT NULL,
    execution_id      uuid,
    condition         text,
    once              boolean NOT NULL,
    share             double precision NOT NULL CHECK (share > 0 AND share <= 1),
    release_on_expiry boolean NOT NULL,
    created_at        bigint  NOT NULL,
    expires_at        bigint  NOT NULL,
    actor             text    NOT NULL,
    origin            text    NOT NULL,
    reason            text    NOT NULL,
    hits              bigint  NOT NULL DEFAULT 0,
    last_hit_at       bigint,
    last_hit          uuid,
    last_error_at     bigint,
    last_error        text,
    removed_at        bigint,
    release           boolean NOT NULL DEFAULT false
) WITH (fillfactor = 80);
COMMENT ON TABLE log.breakpoints IS
    'Breakpoints, the ended ones too. Engines read those that may still hold something; which '
    'executions one holds is said by their own logs.';
COMMENT ON COLUMN log.breakpoints.execution_id IS 'Only this execution; null: any of the workflow.';
COMMENT ON COLUMN log.breakpoints.share IS
    'The share of executions that it looks at, chosen by a hash of both ids.';
COMMENT ON COLUMN log.breakpoints.last_hit IS
    'The execution it held last; of one that holds once, the only one.';
COMMENT ON COLUMN log.breakpoints.release IS
    'It was removed together with what it held: what is held later is let go at once.';

CREATE INDEX breakpoints_that_may_hold ON log.breakpoints (expires_at) WHERE removed_at IS NULL;
CREATE INDEX breakpoints_of_namespace ON log.breakpoints (namespace, id DESC);

CREATE FUNCTION log.set_breakpoint_v1(
    p_namespace text, p_id uuid, p_workflow text, p_version text, p_state text,
    p_execution_id uuid, p_condition text, p_once boolean, p_share double precision,
    p_release_on_expiry boolean, p_expires_in_ms bigint, p_actor text, p_origin text,
    p_reason text, p_most integer, p_entry log.audit_entry_v1
) RETURNS SETOF log.breakpoints
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now bigint := log.now_ms_v1();
BEGIN
    IF p_most <= (
        SELECT count(*) FROM log.breakpoints AS b
        WHERE b.namespace = p_namespace AND b.removed_at IS NULL AND b.expires_at > v_now
          AND NOT (b.once AND b.hits > 0))
    THEN
        RETURN;
    END IF;
    RETURN QUERY INSERT INTO log.breakpoints (
        namespace, id, workflow, version, state, execution_id, condition, once, share,
        release_on_expiry, created_at, expires_at, actor, origin, reason)
    VALUES (
        p_namespace, p_id, p_workflow, p_version, p_state, p_execution_id, p_condition, p_once,
        p_share, p_release_on_expiry, v_now, v_now + p_expires_in_ms, p_actor, p_origin, p_reason)
    RETURNING *;
    PERFORM log.audit_v1(p_entry);
END
$$;
COMMENT ON FUNCTION log.set_breakpoint_v1(
    text, uuid, text, text, text, uuid, text, boolean, double precision, boolean, bigint, text,
    text, text, integer, log.audit_entry_v1
) IS 'Sets a breakpoint and returns it; nothing where the namespace has p_most that may hold.';

CREATE FUNCTION log.remove_breakpoint_v1(
    p_namespace text, p_id uuid, p_release boolean, p_entry log.audit_entry_v1
) RETURNS SETOF log.breakpoints
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY UPDATE log.breakpoints AS b
    SET removed_at = coalesce(b.removed_at, log.now_ms_v1()), release = b.release OR p_release
    WHERE b.namespace = p_namespace AND b.id = p_id
      AND (b.removed_at IS NULL OR (p_release AND NOT b.release))
    RETURNING b.*;
    IF FOUND THEN
        PERFORM log.audit_v1(p_entry);
    END IF;
END
$$;
COMMENT ON FUNCTION log.remove_breakpoint_v1(text, uuid, boolean, log.audit_entry_v1) IS
    'Removes a breakpoint and returns it; nothing where that changes nothing.';

CREATE FUNCTION log.hit_breakpoint_v1(p_id uuid, p_execution_id uuid, p_at bigint) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_row log.breakpoints;
BEGIN
    SELECT * INTO v_row FROM log.breakpoints AS b WHERE b.id = p_id FOR NO KEY UPDATE;
    IF v_row.removed_at IS NOT NULL AND v_row.release THEN
        RETURN 'released';
    END IF;
    IF v_row.once AND v_row.last_hit <> p_execution_id THEN
        RETURN 'late';
    END IF;
    UPDATE log.breakpoints AS b
    SET hits = b.hits + 1, last_hit_at = p_at, last_hit = p_execution_id
    WHERE b.id = p_id;
    RETURN 'held';
END
$$;
COMMENT ON FUNCTION log.hit_breakpoint_v1(uuid, uuid, bigint) IS
    'Notes that an execution is held; `late`: another one was, by a breakpoint that holds once; '
    '`released`: it was removed with all that it held. Neither of these is to stay held.';

CREATE FUNCTION log.remark_breakpoint_v1(p_id uuid, p_at bigint, p_message text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE log.breakpoints AS b SET last_error_at = p_at, last_error = p_message WHERE b.id = p_id;
END;
COMMENT ON FUNCTION log.remark_breakpoint_v1(uuid, bigint, text) IS
    'Notes why a condition had no boolean value.';

SELECT log.grant_engine_v2();
