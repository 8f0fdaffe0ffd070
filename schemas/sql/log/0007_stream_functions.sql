-- CloudEvents: log first (ingest), match second (advance), by position.

CREATE TYPE log.ingest_v1 AS (
    key16 bytea, id text, source text, type text, digest bytea, attributes bytea, body bytea,
    keys bytea[], actor text
);
CREATE TYPE log.match_v1 AS (
    kind text, shard integer, position bigint, execution_id uuid, workflow text, start_key text,
    body bytea
);

CREATE FUNCTION log.lock_stream_v1(p_namespace text, p_shard integer) RETURNS log.streams
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_stream log.streams;
BEGIN
    SELECT * INTO v_stream FROM log.streams AS s
    WHERE s.namespace = p_namespace FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        INSERT INTO log.streams (namespace, shard) VALUES (p_namespace, p_shard)
        ON CONFLICT (namespace) DO NOTHING;
        SELECT * INTO v_stream FROM log.streams AS s
        WHERE s.namespace = p_namespace FOR NO KEY UPDATE;
    END IF;
    RETURN v_stream;
END
$$;
COMMENT ON FUNCTION log.lock_stream_v1(text, integer) IS
    'Locks the head row of a stream, which it makes if need be, to the end of the transaction.';

CREATE FUNCTION log.ingest_v1(p_namespace text, p_shard integer, p_events log.ingest_v1[])
RETURNS TABLE (stored_at bigint, outcome text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    v_stream    log.streams;
    v_event     log.ingest_v1;
    v_first     log.cloudevents_dedup;
    v_head      bigint;
    v_at        bigint;
    v_positions bigint[] := '{}';
    v_outcomes  text[] := '{}';
BEGIN
    v_stream := log.lock_stream_v1(p_namespace, p_shard);
    v_head := v_stream.head;
    v_at := greatest(v_stream.at, log.now_ms_v1());

    -- Row by row, because the unique key alone may decide: an anti-join planned on an empty table
    -- scans it when it has grown.
    FOREACH v_event IN ARRAY p_events LOOP
        INSERT INTO log.cloudevents_dedup (namespace, key16, position, digest)
        VALUES (p_namespace, v_event.key16, v_head + 1, v_event.digest)
        ON CONFLICT (namespace, key16) DO NOTHING;
        IF FOUND THEN
            v_head := v_head + 1;
            v_positions := v_positions || v_head;
            v_outcomes := v_outcomes || 'stored'::text;
        ELSE
            SELECT * INTO v_first FROM log.cloudevents_dedup AS d
            WHERE d.namespace = p_namespace AND d.key16 = v_event.key16;
            v_positions := v_positions || v_first.position;
            v_outcomes := v_outcomes
                || CASE WHEN v_first.digest = v_event.digest THEN 'duplicate' ELSE 'conflict' END;
        END IF;
    END LOOP;

    IF v_head > v_stream.head THEN
        INSERT INTO log.cloudevents (namespace, position, at, id, source, type, digest,
                                     attributes, body, actor)
        SELECT p_namespace, e.position, v_at, e.id, e.source, e.type, e.digest, e.attributes,
               e.body, e.actor
        FROM ROWS FROM (unnest(p_events), unnest(v_positions), unnest(v_outcomes)) AS e (
            key16, id, source, type, digest, attributes, body, keys, actor, position, outcome)
        WHERE e.outcome = 'stored';

        INSERT INTO log.cloudevent_keys (namespace, type, key, position, day)
        SELECT DISTINCT p_namespace, e.type, k.key, e.position, (v_at / 86400000)::integer
        FROM ROWS FROM (unnest(p_events), unnest(v_positions), unnest(v_outcomes)) AS e (
            key16, id, source, type, digest, attributes, body, keys, actor, position, outcome)
        CROSS JOIN LATERAL unnest(e.keys) AS k (key)
        WHERE e.outcome = 'stored';

        UPDATE log.streams AS s SET head = v_head, at = v_at WHERE s.namespace = p_namespace;
    END IF;
    RETURN QUERY SELECT * FROM ROWS FROM (unnest(v_positions), unnest(v_outcomes)) AS r (p, o);
END
$$;
COMMENT ON FUNCTION log.ingest_v1(text, integer, log.ingest_v1[]) IS
    'Stores CloudEvents at the next positions of the stream, each (source, id) once. One row for '
    'each, in order: its position and stored, duplicate or conflict (position: of the first).';

CREATE FUNCTION log.stream_head_v1(p_namespace text) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT s.head FROM log.streams AS s WHERE s.namespace = p_namespace FOR SHARE;
END;
COMMENT ON FUNCTION log.stream_head_v1(text) IS
    'The last position, after every ingest in flight has ended.';

CREATE FUNCTION log.put_matches_v1(p_namespace text, p_matches log.match_v1[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO log.inbox (shard, kind, execution_id, namespace, position, body, actor)
    SELECT m.shard, m.kind,
           coalesce(m.execution_id, '00000000-0000-0000-0000-000000000000'), p_namespace,
           m.position, m.body, ce.actor
    FROM unnest(p_matches) WITH ORDINALITY AS m (
        kind, shard, position, execution_id, workflow, start_key, body, number)
    JOIN log.cloudevents AS ce ON ce.namespace = p_namespace AND ce.position = m.position
    WHERE m.kind IN ('hint', 'offer')
    ORDER BY m.number
    ON CONFLICT DO NOTHING;

    WITH wanted AS MATERIALIZED (
        SELECT m.*, log.mint_execution_v1(m.shard) AS minted
        FROM unnest(p_matches) WITH ORDINALITY AS m (
            kind, shard, position, execution_id, workflow, start_key, body, number)
        WHERE m.kind = 'start'
    ), fresh AS (
        INSERT INTO log.start_keys (namespace, workflow, key, execution_id, request_hash, at)
        SELECT p_namespace, w.workflow, w.start_key, w.minted, sha256(w.body), log.now_ms_v1()
        FROM wanted AS w ORDER BY w.workflow, w.start_key
        ON CONFLICT (namespace, workflow, key) DO NOTHING
        RETURNING execution_id
    )
    INSERT INTO log.inbox (shard, kind, execution_id, namespace, position, body, actor)
    SELECT w.shard, 'start', w.minted, p_namespace, w.position, w.body, ce.actor
    FROM wanted AS w
    JOIN fresh AS f ON f.execution_id = w.minted
    JOIN log.cloudevents AS ce ON ce.namespace = p_namespace AND ce.position = w.position
    ORDER BY w.number;
END
$$;
COMMENT ON FUNCTION log.put_matches_v1(text, log.match_v1[]) IS
    'Part of advance: hints and offers once each, starts once for each start key; the actor is '
    'that of the CloudEvent.';

CREATE FUNCTION log.advance_match_v1(
    p_shard integer, p_epoch bigint, p_namespace text, p_expected bigint, p_to bigint,
    p_matches log.match_v1[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
DECLARE
    v_epoch  bigint;
    v_stream log.streams;
BEGIN
    SELECT head.epoch INTO v_epoch FROM log.shards AS head WHERE head.shard = p_shard FOR SHARE;
    IF v_epoch IS DISTINCT FROM p_epoch THEN
        RAISE EXCEPTION 'fenced: shard % has epoch %, not %', p_shard, v_epoch, p_epoch
            USING ERRCODE = 'RF001';
    END IF;
    SELECT * INTO v_stream FROM log.streams AS s
    WHERE s.namespace = p_namespace FOR NO KEY UPDATE;
    IF v_stream.shard IS DISTINCT FROM p_shard OR v_stream.matched <> p_expected THEN
        RAISE EXCEPTION 'fenced: the stream of % is matched up to % by shard %',
            to_json(p_namespace), v_stream.matched, v_stream.shard USING ERRCODE = 'RF001';
    END IF;
    IF p_to < p_expected OR p_to > v_stream.head OR EXISTS (
        SELECT 1 FROM unnest(p_matches) AS m WHERE m.position <= p_expected OR m.position > p_to
    ) THEN
        RAISE EXCEPTION 'matches must lie above % and up to %, which may not pass the head %',
            p_expected, p_to, v_stream.head USING ERRCODE = 'RF004';
    END IF;
    PERFORM log.put_matches_v1(p_namespace, p_matches);
    UPDATE log.streams AS s SET matched = p_to WHERE s.namespace = p_namespace;
END
$$;
COMMENT ON FUNCTION log.advance_match_v1(integer, bigint, text, bigint, bigint, log.match_v1[]) IS
    'Puts what the CloudEvents of (expected, to] cause into the inboxes and moves the cursor, both '
    'or neither. RF001: another owner of the shard, or the cursor is elsewhere.';
