-- Accepting forks: the new execution and what its source notes of it, in one statement.

CREATE FUNCTION log.accept_fork_v1(
    p_namespace    text,
    p_workflow     text,
    p_keys         text[],
    p_shard        integer,
    p_fork         uuid,
    p_body         bytea,
    p_source_shard integer,
    p_source       uuid,
    p_note         bytea,
    p_request_hash bytea,
    p_actor        text,
    p_traceparent  text,
    OUT execution_id uuid,
    OUT existed      boolean
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    v_key   text;
    v_known log.start_keys;
BEGIN
    -- In the order of the keys, as accept_start_v1 has it, so that no two requests block each other.
    FOR v_key IN SELECT DISTINCT given.key FROM unnest(p_keys) AS given (key) ORDER BY given.key
    LOOP
        INSERT INTO log.start_keys (namespace, workflow, key, execution_id, request_hash, at)
        VALUES (p_namespace, p_workflow, v_key, p_fork, p_request_hash, log.now_ms_v1())
        ON CONFLICT (namespace, workflow, key) DO NOTHING;
        CONTINUE WHEN FOUND;
        SELECT * INTO v_known FROM log.start_keys AS k
        WHERE k.namespace = p_namespace AND k.workflow = p_workflow AND k.key = v_key;
        IF v_known.request_hash <> p_request_hash OR v_known.execution_id <> execution_id THEN
            RAISE EXCEPTION 'the start key % was used for another request', to_json(v_key)
                USING ERRCODE = 'RF002';
        END IF;
        execution_id := v_known.execution_id;
    END LOOP;

    existed := execution_id IS NOT NULL;
    IF existed THEN
        UPDATE log.start_keys AS k SET execution_id = accept_fork_v1.execution_id
        WHERE k.namespace = p_namespace AND k.workflow = p_workflow AND k.key = ANY (p_keys)
          AND k.execution_id = p_fork;
        RETURN;
    END IF;
    execution_id := p_fork;
    INSERT INTO log.inbox (shard, kind, execution_id, namespace, position, body, actor, traceparent)
    VALUES (p_shard, 'fork', p_fork, p_namespace, 0, p_body, p_actor, p_traceparent),
           (p_source_shard, 'forked', p_source, p_namespace, 0, p_note, p_actor, p_traceparent);
END
$$;
COMMENT ON FUNCTION log.accept_fork_v1(
    text, text, text[], integer, uuid, bytea, integer, uuid, bytea, bytea, text, text
) IS
    'Puts a fork (its id minted before) into the inbox of its shard and a note of it into that of '
    'its source, once for each key. Keys are those of starts: see accept_start_v1.';

SELECT log.grant_engine_v2();
