-- Executions that descend from others, and the commands that hold an execution or let it go on.

ALTER TABLE log.executions
    ADD COLUMN parent         uuid,
    ADD COLUMN root           uuid,
    ADD COLUMN forked_from    uuid,
    ADD COLUMN forked_at      integer,
    ADD COLUMN continued_from uuid;
COMMENT ON COLUMN log.executions.forked_from IS
    'Of a fork: the execution whose first forked_at events it begins with.';
COMMENT ON COLUMN log.executions.parent IS
    'Of a sub-flow: the execution that started it; root is the outermost one.';

-- Existing rows hold kinds of the shorter list: nothing is to be validated, and nothing is scanned.
ALTER TABLE log.inbox DROP CONSTRAINT inbox_kind_check;
ALTER TABLE log.inbox ADD CONSTRAINT inbox_kind_check CHECK (
    kind IN ('start', 'callback', 'cancel', 'hint', 'offer',
             'fork', 'forked', 'import', 'suspend', 'resume')
) NOT VALID;

CREATE TYPE log.birth_v2 AS (
    shard integer, execution_id uuid, namespace text, workflow text, version text,
    definition_hash text, dialect text, ir_version integer, start_key text,
    parent uuid, root uuid, forked_from uuid, forked_at integer, continued_from uuid
);

CREATE FUNCTION log.append_v2(
    p_commits              log.commit_v1[],
    p_events               log.event_v1[],
    p_births               log.birth_v2[],
    p_timers_set           log.timer_v1[],
    p_timers_cleared       log.handle_v1[],
    p_subscriptions_opened log.subscription_v1[],
    p_subscriptions_closed log.handle_v1[],
    p_gatherings_opened    log.gathering_v1[],
    p_gatherings_closed    log.handle_v1[],
    p_actions_opened       log.execution_ref_v1[],
    p_actions_closed       log.execution_ref_v1[],
    p_inbox_taken          log.inbox_ref_v1[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    PERFORM log.advance_heads_v1(p_commits, p_events);
    INSERT INTO log.events (
        shard, position, execution_id, seq, namespace, type, version, at, actor, causation,
        traceparent, frame, node, name, branch, iteration, attempt, epoch, codec, key_id, salt,
        data, digest, hash)
    SELECT e.* FROM unnest(p_events) AS e;
    IF cardinality(p_births) > 0 THEN
        INSERT INTO log.executions (shard, execution_id, namespace, workflow, version,
                                    definition_hash, dialect, ir_version, start_key, parent, root,
                                    forked_from, forked_at, continued_from)
        SELECT b.* FROM unnest(p_births) AS b;
    END IF;
    PERFORM log.set_indexes_v1(
        p_timers_set, p_subscriptions_opened, p_gatherings_opened, p_actions_opened);
    PERFORM log.clear_indexes_v1(
        p_timers_cleared, p_subscriptions_closed, p_gatherings_closed, p_actions_closed,
        p_inbox_taken);
END
$$;
COMMENT ON FUNCTION log.append_v2(
    log.commit_v1[], log.event_v1[], log.birth_v2[], log.timer_v1[], log.handle_v1[],
    log.subscription_v1[], log.handle_v1[], log.gathering_v1[], log.handle_v1[],
    log.execution_ref_v1[], log.execution_ref_v1[], log.inbox_ref_v1[]
) IS 'As append_v1, with births that tell their descent.';

CREATE FUNCTION log.put_inbox_v2(
    p_shard integer, p_kind text, p_execution_id uuid, p_namespace text, p_body bytea,
    p_actor text, p_traceparent text
) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO log.inbox (shard, kind, execution_id, namespace, position, body, actor, traceparent)
    SELECT p_shard, p_kind, p_execution_id, p_namespace, 0, p_body, p_actor, p_traceparent
    WHERE p_kind IN ('callback', 'cancel', 'suspend', 'resume')
    RETURNING id;
END;
COMMENT ON FUNCTION log.put_inbox_v2(integer, text, uuid, text, bytea, text, text) IS
    'Puts a callback, cancel, suspend or resume into the inbox; returns its id, null for any other '
    'kind.';

-- What the engine's role may do follows from one rule from here on: it reads every table and calls
-- every function that runs with its owner's rights; all it writes, it writes through those.
CREATE FUNCTION log.grant_engine_v2() RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_function regprocedure;
BEGIN
    REVOKE ALL ON ALL TABLES IN SCHEMA log FROM PUBLIC;
    REVOKE ALL ON ALL FUNCTIONS IN SCHEMA log FROM PUBLIC;
    IF NOT log.grant_engine_v1() THEN
        RETURN false;
    END IF;
    FOR v_function IN
        SELECT p.oid::regprocedure FROM pg_proc AS p
        WHERE p.pronamespace = 'log'::regnamespace AND p.prosecdef
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO refold_engine', v_function);
    END LOOP;
    RETURN true;
END
$$;
COMMENT ON FUNCTION log.grant_engine_v2() IS
    'Gives the role refold_engine its rights on all that is there now, and takes those of PUBLIC; '
    'every migration that adds tables or functions calls it. False where there is no such role.';
SELECT log.grant_engine_v2();
