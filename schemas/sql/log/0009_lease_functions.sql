-- Leases: who owns a shard, by the clock of the database; the epoch fences whoever did before.

CREATE FUNCTION log.claim_shard_v1(
    p_engine text, p_shard integer, p_ttl_ms bigint, p_lock_timeout_ms integer
) RETURNS SETOF log.shards
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_head log.shards;
BEGIN
    -- Without the lock first: a shard that somebody holds is no reason to wait for its appends.
    SELECT * INTO v_head FROM log.shards AS s WHERE s.shard = p_shard;
    IF v_head.owner <> p_engine AND v_head.expires_at > log.now_ms_v1() THEN
        RETURN;
    END IF;
    PERFORM set_config('lock_timeout', p_lock_timeout_ms::text, true);
    SELECT * INTO v_head FROM log.shards AS s WHERE s.shard = p_shard FOR NO KEY UPDATE;
    IF NOT FOUND OR (v_head.owner <> p_engine AND v_head.expires_at > log.now_ms_v1()) THEN
        RETURN;
    END IF;
    RETURN QUERY
    UPDATE log.shards AS s
    SET owner = p_engine, epoch = s.epoch + 1, expires_at = log.now_ms_v1() + p_ttl_ms
    WHERE s.shard = p_shard
    RETURNING s.*;
END
$$;
COMMENT ON FUNCTION log.claim_shard_v1(text, integer, bigint, integer) IS
    'Takes a shard that is free, whose lease ran out, or that was the engine''s own, under the '
    'next epoch. No row: somebody holds it. 55P03: an append of the old owner keeps the lock.';

CREATE FUNCTION log.renew_shards_v1(p_engine text, p_shards integer[], p_ttl_ms bigint)
RETURNS SETOF integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM 1 FROM log.shards AS s WHERE s.shard = ANY (p_shards)
    ORDER BY s.shard FOR NO KEY UPDATE;
    RETURN QUERY
    UPDATE log.shards AS s SET expires_at = log.now_ms_v1() + p_ttl_ms
    WHERE s.shard = ANY (p_shards) AND s.owner = p_engine
    RETURNING s.shard;
END
$$;
COMMENT ON FUNCTION log.renew_shards_v1(text, integer[], bigint) IS
    'Renews the leases that the engine still has, also one that ran out and nobody took.';

CREATE FUNCTION log.release_shards_v1(p_engine text, p_shards integer[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM 1 FROM log.shards AS s WHERE s.shard = ANY (p_shards)
    ORDER BY s.shard FOR NO KEY UPDATE;
    UPDATE log.shards AS s SET owner = NULL, expires_at = 0
    WHERE s.shard = ANY (p_shards) AND s.owner = p_engine;
END
$$;
COMMENT ON FUNCTION log.release_shards_v1(text, integer[]) IS 'Gives shards back.';
