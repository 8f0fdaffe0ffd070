-- Accepting what comes from outside: committed before it is answered.

CREATE FUNCTION log.stream_position_v1(p_namespace text) RETURNS bigint
LANGUAGE sql STABLE
RETURN coalesce((SELECT s.head FROM log.streams AS s WHERE s.namespace = p_namespace), 0);
COMMENT ON FUNCTION log.stream_position_v1(text) IS
    'The last visible position of the stream of a namespace; 0 before its first CloudEvent.';

CREATE FUNCTION log.accept_start_v1(
    p_namespace    text,
    p_workflow     text,
    p_keys         text[],
    p_shard        integer,
    p_request_hash bytea,
    p_body         bytea,
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
    v_minted uuid := log.mint_execution_v1(p_shard);
    v_keys   text[];
    v_key    text;
    v_known  log.start_keys;
BEGIN
    -- In the order of the keys, so that two requests with the same keys cannot block each other;
    -- key by key, because a plan for many keys, made while there were few, reads all of a workflow.
    SELECT coalesce(array_agg(DISTINCT given.key ORDER BY given.key), '{}') INTO v_keys
    FROM unnest(p_keys) AS given (key);
    FOREACH v_key IN ARRAY v_keys LOOP
        INSERT INTO log.start_keys (namespace, workflow, key, execution_id, request_hash, at)
        VALUES (p_namespace, p_workflow, v_key, v_minted, p_request_hash, log.now_ms_v1())
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
    IF NOT existed THEN
        execution_id := v_minted;
        INSERT INTO log.inbox (shard, kind, execution_id, namespace, position, body, actor,
                               traceparent)
        VALUES (p_shard, 'start', v_minted, p_namespace, log.stream_position_v1(p_namespace),
                p_body, p_actor, p_traceparent);
        RETURN;
    END IF;

    -- Keys that are new from now on name the execution that the others named.
    FOREACH v_key IN ARRAY v_keys LOOP
        UPDATE log.start_keys AS k SET execution_id = accept_start_v1.execution_id
        WHERE k.namespace = p_namespace AND k.workflow = p_workflow AND k.key = v_key
          AND k.execution_id = v_minted;
    END LOOP;
END
$$;
COMMENT ON FUNCTION log.accept_start_v1(text, text, text[], integer, bytea, bytea, text, text) IS
    'Mints an execution and puts its start into the inbox, once for each key; position of the row '
    'is the head of the stream, above which CloudEvents count. A key that came before with the '
    'same request gives the execution of then; with another request, or keys of two executions: '
    'RF002.';

CREATE FUNCTION log.put_inbox_v1(
    p_shard integer, p_kind text, p_execution_id uuid, p_namespace text, p_body bytea,
    p_actor text, p_traceparent text
) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO log.inbox (shard, kind, execution_id, namespace, position, body, actor, traceparent)
    SELECT p_shard, p_kind, p_execution_id, p_namespace, 0, p_body, p_actor, p_traceparent
    WHERE p_kind IN ('callback', 'cancel')
    RETURNING id;
END;
COMMENT ON FUNCTION log.put_inbox_v1(integer, text, uuid, text, bytea, text, text) IS
    'Puts a callback or cancel into the inbox; returns its id, null for any other kind.';
