-- The engine's role: it reads everything and writes through functions; the log it can only append.

DO $$
BEGIN
    CREATE ROLE refold_engine NOLOGIN;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL;
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'no right to make the role refold_engine: let somebody make it, then run '
                     'SELECT log.grant_engine_v1() as the owner of the schema';
END
$$;

CREATE FUNCTION log.grant_engine_v1() RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF to_regrole('refold_engine') IS NULL THEN
        RETURN false;
    END IF;
    GRANT USAGE ON SCHEMA log TO refold_engine;
    GRANT SELECT ON ALL TABLES IN SCHEMA log TO refold_engine;
    -- Caches, positions and announcements, of which none is evidence.
    GRANT INSERT, UPDATE, DELETE ON log.snapshots, log.readers, log.engines TO refold_engine;
    GRANT INSERT ON log.dead_letters TO refold_engine;
    GRANT EXECUTE ON FUNCTION
        log.now_ms_v1(),
        log.mint_execution_v1(integer),
        log.format_execution_v1(uuid),
        log.append_v1(
            log.commit_v1[], log.event_v1[], log.birth_v1[], log.timer_v1[], log.handle_v1[],
            log.subscription_v1[], log.handle_v1[], log.gathering_v1[], log.handle_v1[],
            log.execution_ref_v1[], log.execution_ref_v1[], log.inbox_ref_v1[]),
        log.locked_head_v1(integer),
        log.accept_start_v1(text, text, text[], integer, bytea, bytea, text, text),
        log.put_inbox_v1(integer, text, uuid, text, bytea, text, text),
        log.ingest_v1(text, integer, log.ingest_v1[]),
        log.stream_head_v1(text),
        log.advance_match_v1(integer, bigint, text, bigint, bigint, log.match_v1[]),
        log.apply_definition_v1(
            text, text, text, text, text, text, bytea, text, log.resource_v1[], text[], text,
            integer),
        log.claim_shard_v1(text, integer, bigint, integer),
        log.renew_shards_v1(text, integer[], bigint),
        log.release_shards_v1(text, integer[])
    TO refold_engine;
    RETURN true;
END
$$;
COMMENT ON FUNCTION log.grant_engine_v1() IS
    'Gives the role refold_engine its rights; false where there is no such role.';

REVOKE ALL ON SCHEMA log FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA log FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA log FROM PUBLIC;
SELECT log.grant_engine_v1();
