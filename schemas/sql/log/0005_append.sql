-- Appending: one call, fenced by the head rows, commits everything or nothing.

CREATE TYPE log.event_v1 AS (
    shard integer, position bigint, execution_id uuid, seq integer, namespace text, type text,
    version smallint, at bigint, actor text, causation bigint, traceparent text, frame integer,
    node text, name text, branch integer, iteration integer, attempt integer, epoch bigint,
    codec smallint, key_id text, salt bytea, data bytea, digest bytea, hash bytea
);
CREATE TYPE log.commit_v1 AS (
    shard integer, epoch bigint, expected_position bigint, count integer, at bigint,
    writer_version text, min_execution uuid, max_execution uuid, parts bytea, hash bytea
);
CREATE TYPE log.birth_v1 AS (
    shard integer, execution_id uuid, namespace text, workflow text, version text,
    definition_hash text, dialect text, ir_version integer, start_key text
);
CREATE TYPE log.timer_v1 AS (shard integer, execution_id uuid, timer integer, due bigint);
CREATE TYPE log.subscription_v1 AS (
    shard integer, execution_id uuid, wait integer, ref text, namespace text, type text,
    key bytea, after bigint
);
CREATE TYPE log.gathering_v1 AS (
    shard integer, execution_id uuid, namespace text, trigger text, key bytea
);
CREATE TYPE log.handle_v1 AS (shard integer, execution_id uuid, number integer);
CREATE TYPE log.execution_ref_v1 AS (shard integer, execution_id uuid);
CREATE TYPE log.inbox_ref_v1 AS (shard integer, id bigint);

CREATE FUNCTION log.advance_heads_v1(p_commits log.commit_v1[], p_events log.event_v1[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_stale text;
BEGIN
    -- Locked by key alone and compared afterwards: a condition on epoch or position in this
    -- statement would be tested on the row as it was before the wait.
    PERFORM 1 FROM log.shards AS head
    WHERE head.shard IN (SELECT c.shard FROM unnest(p_commits) AS c)
    ORDER BY head.shard
    FOR NO KEY UPDATE;

    SELECT string_agg(format('%s (epoch %s, position %s)', c.shard, head.epoch, head.last_position),
                      ', ' ORDER BY c.shard)
    INTO v_stale
    FROM unnest(p_commits) AS c LEFT JOIN log.shards AS head USING (shard)
    WHERE (head.epoch = c.epoch AND head.last_position = c.expected_position) IS NOT TRUE;
    IF v_stale IS NOT NULL THEN
        RAISE EXCEPTION 'fenced: the head differs in shard %', v_stale USING ERRCODE = 'RF001';
    END IF;

    IF EXISTS (
        SELECT 1
        FROM unnest(p_commits) AS c
        FULL JOIN (
            SELECT e.shard, count(*) AS count, min(e.position) AS first, max(e.position) AS last,
                   min(e.epoch) AS low, max(e.epoch) AS high
            FROM unnest(p_events) AS e GROUP BY e.shard
        ) AS given USING (shard)
        WHERE (c.count = coalesce(given.count, 0)
               AND (c.count = 0 OR (given.first = c.expected_position + 1
                                    AND given.last = c.expected_position + c.count
                                    AND given.low = c.epoch AND given.high = c.epoch))
              ) IS NOT TRUE
    ) THEN
        RAISE EXCEPTION 'events and commits of the batch do not fit each other'
            USING ERRCODE = 'RF004';
    END IF;

    UPDATE log.shards AS head
    SET last_position = head.last_position + c.count, commit_no = head.commit_no + 1, hash = c.hash
    FROM unnest(p_commits) AS c
    WHERE head.shard = c.shard;

    INSERT INTO log.commits (shard, commit_no, first_position, count, epoch, at, writer_version,
                             min_execution, max_execution, parts, hash)
    SELECT c.shard, head.commit_no, c.expected_position + 1, c.count, c.epoch, c.at,
           c.writer_version, c.min_execution, c.max_execution, c.parts, c.hash
    FROM unnest(p_commits) AS c JOIN log.shards AS head USING (shard);
END
$$;
COMMENT ON FUNCTION log.advance_heads_v1(log.commit_v1[], log.event_v1[]) IS
    'Locks the head rows in the order of the shards, compares them (RF001), checks that the events '
    'fill exactly the positions announced (RF004), advances the heads and records the commits.';

CREATE FUNCTION log.set_indexes_v1(
    p_timers log.timer_v1[], p_subscriptions log.subscription_v1[],
    p_gatherings log.gathering_v1[], p_actions log.execution_ref_v1[]
) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF cardinality(p_timers) > 0 THEN
        INSERT INTO log.timers (shard, execution_id, timer, due)
        SELECT t.* FROM unnest(p_timers) AS t
        ON CONFLICT (shard, execution_id, timer) DO UPDATE SET due = excluded.due;
    END IF;
    IF cardinality(p_subscriptions) > 0 THEN
        INSERT INTO log.subscriptions (shard, execution_id, wait, ref, namespace, type, key, after)
        SELECT s.* FROM unnest(p_subscriptions) AS s
        ON CONFLICT (shard, execution_id, wait, ref) DO UPDATE
        SET type = excluded.type, key = excluded.key, after = excluded.after;
    END IF;
    IF cardinality(p_gatherings) > 0 THEN
        INSERT INTO log.gatherings (shard, execution_id, namespace, trigger, key)
        SELECT g.* FROM unnest(p_gatherings) AS g
        ON CONFLICT (shard, execution_id) DO UPDATE
        SET trigger = excluded.trigger, key = excluded.key;
    END IF;
    IF cardinality(p_actions) > 0 THEN
        INSERT INTO log.open_actions (shard, execution_id)
        SELECT a.* FROM unnest(p_actions) AS a
        ON CONFLICT (shard, execution_id) DO NOTHING;
    END IF;
END
$$;
COMMENT ON FUNCTION log.set_indexes_v1(
    log.timer_v1[], log.subscription_v1[], log.gathering_v1[], log.execution_ref_v1[]
) IS 'Part of append: rows that open; a row that is there already is replaced.';

-- These tables are often empty when a plan is made and full when it runs: a plan may use keys only.
CREATE FUNCTION log.clear_indexes_v1(
    p_timers log.handle_v1[], p_subscriptions log.handle_v1[], p_gatherings log.handle_v1[],
    p_actions log.execution_ref_v1[], p_inbox log.inbox_ref_v1[]
) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
BEGIN
    IF cardinality(p_timers) > 0 THEN
        DELETE FROM log.timers AS t USING unnest(p_timers) AS gone
        WHERE t.shard = gone.shard AND t.execution_id = gone.execution_id
          AND t.timer = gone.number;
    END IF;
    IF cardinality(p_subscriptions) > 0 THEN
        DELETE FROM log.subscriptions AS s USING unnest(p_subscriptions) AS gone
        WHERE s.shard = gone.shard AND s.execution_id = gone.execution_id
          AND s.wait = gone.number;
    END IF;
    IF cardinality(p_gatherings) > 0 THEN
        DELETE FROM log.gatherings AS g USING unnest(p_gatherings) AS gone
        WHERE g.shard = gone.shard AND g.execution_id = gone.execution_id;
    END IF;
    IF cardinality(p_actions) > 0 THEN
        DELETE FROM log.open_actions AS a USING unnest(p_actions) AS gone
        WHERE a.shard = gone.shard AND a.execution_id = gone.execution_id;
    END IF;
    IF cardinality(p_inbox) > 0 THEN
        DELETE FROM log.inbox AS i USING unnest(p_inbox) AS taken
        WHERE i.shard = taken.shard AND i.id = taken.id;
    END IF;
END
$$;
COMMENT ON FUNCTION log.clear_indexes_v1(
    log.handle_v1[], log.handle_v1[], log.handle_v1[], log.execution_ref_v1[], log.inbox_ref_v1[]
) IS 'Part of append: rows that close, and inbox rows that the batch took.';

CREATE FUNCTION log.append_v1(
    p_commits              log.commit_v1[],
    p_events               log.event_v1[],
    p_births               log.birth_v1[],
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
                                    definition_hash, dialect, ir_version, start_key)
        SELECT b.* FROM unnest(p_births) AS b;
    END IF;
    PERFORM log.set_indexes_v1(
        p_timers_set, p_subscriptions_opened, p_gatherings_opened, p_actions_opened);
    PERFORM log.clear_indexes_v1(
        p_timers_cleared, p_subscriptions_closed, p_gatherings_closed, p_actions_closed,
        p_inbox_taken);
END
$$;
COMMENT ON FUNCTION log.append_v1(
    log.commit_v1[], log.event_v1[], log.birth_v1[], log.timer_v1[], log.handle_v1[],
    log.subscription_v1[], log.handle_v1[], log.gathering_v1[], log.handle_v1[],
    log.execution_ref_v1[], log.execution_ref_v1[], log.inbox_ref_v1[]
) IS
    'The only way into the log: one commit for each shard named, its events, births, index rows '
    'and taken inbox rows. RF001: fenced, nothing written. A row opened and closed in one batch is '
    'closed.';

CREATE FUNCTION log.locked_head_v1(p_shard integer) RETURNS log.shards
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT head.* FROM log.shards AS head WHERE head.shard = p_shard FOR NO KEY UPDATE;
END;
COMMENT ON FUNCTION log.locked_head_v1(integer) IS
    'The head row under its lock: waits for an append in flight, whose reply may have been lost.';
