-- Executions of other installations, brought here in bundles: what is staged until it is copied, and
-- definitions that are kept without being activated.

CREATE TABLE log.staged_imports (
    execution_id uuid    NOT NULL,
    first_seq    integer NOT NULL,
    namespace    text COLLATE "C" NOT NULL,
    page         bytea   NOT NULL,
    at           bigint  NOT NULL DEFAULT log.now_ms_v1(),
    PRIMARY KEY (execution_id, first_seq)
);
CREATE INDEX staged_imports_at ON log.staged_imports (at);
COMMENT ON TABLE log.staged_imports IS
    'Rows of an import, page by page, until the owner of its shard has copied them into the log.';

CREATE FUNCTION log.stage_import_v1(
    p_namespace text, p_execution_id uuid, p_first_seq integer, p_page bytea
) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    -- What was never accepted, and what an engine that died did not forget.
    DELETE FROM log.staged_imports AS old
    WHERE old.at < log.now_ms_v1() - 86400000
      AND NOT EXISTS (
          SELECT 1 FROM log.inbox AS i
          WHERE i.kind = 'import' AND i.execution_id = old.execution_id
      );
    INSERT INTO log.staged_imports (execution_id, first_seq, namespace, page)
    VALUES (p_execution_id, p_first_seq, p_namespace, p_page)
    ON CONFLICT (execution_id, first_seq) DO NOTHING;
END;
COMMENT ON FUNCTION log.stage_import_v1(text, uuid, integer, bytea) IS
    'Keeps a page of an import; pages of a day ago that nobody waits for go.';

CREATE FUNCTION log.drop_import_v1(p_execution_id uuid) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM log.staged_imports AS s WHERE s.execution_id = p_execution_id;
END;
COMMENT ON FUNCTION log.drop_import_v1(uuid) IS 'Forgets the pages of an import.';

CREATE FUNCTION log.accept_import_v1(
    p_namespace    text,
    p_workflow     text,
    p_key          text,
    p_shard        integer,
    p_execution    uuid,
    p_body         bytea,
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
    v_known log.start_keys;
BEGIN
    INSERT INTO log.start_keys (namespace, workflow, key, execution_id, request_hash, at)
    VALUES (p_namespace, p_workflow, p_key, p_execution, p_request_hash, log.now_ms_v1())
    ON CONFLICT (namespace, workflow, key) DO NOTHING;
    execution_id := p_execution;
    existed := NOT FOUND;
    IF existed THEN
        SELECT * INTO v_known FROM log.start_keys AS k
        WHERE k.namespace = p_namespace AND k.workflow = p_workflow AND k.key = p_key;
        IF v_known.request_hash <> p_request_hash THEN
            RAISE EXCEPTION 'the start key % was used for another request', to_json(p_key)
                USING ERRCODE = 'RF002';
        END IF;
        execution_id := v_known.execution_id;
        RETURN;
    END IF;
    INSERT INTO log.inbox (shard, kind, execution_id, namespace, position, body, actor, traceparent)
    VALUES (p_shard, 'import', p_execution, p_namespace, 0, p_body, p_actor, p_traceparent);
END
$$;
COMMENT ON FUNCTION log.accept_import_v1(
    text, text, text, integer, uuid, bytea, bytea, text, text
) IS
    'Puts an import (its id minted before, its pages staged) into the inbox of its shard, once for '
    'its key, which is one of starts: see accept_start_v1.';

CREATE FUNCTION log.keep_definition_v1(
    p_namespace text, p_workflow text, p_version text, p_definition_hash text, p_dialect text,
    p_media_type text, p_source bytea, p_actor text, p_resources log.resource_v1[],
    p_shard integer, p_entry log.audit_entry_v1
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM log.lock_stream_v1(p_namespace, p_shard);
    IF EXISTS (
        SELECT 1 FROM log.definitions AS d
        WHERE d.namespace = p_namespace AND d.definition_hash = p_definition_hash
    ) THEN
        RETURN false;
    END IF;
    PERFORM log.store_definition_v1(
        ROW (p_namespace, p_workflow, p_version, p_definition_hash, p_dialect, p_media_type,
             p_source, log.now_ms_v1(), p_actor, false)::log.definitions, p_resources);
    PERFORM log.audit_v1(p_entry);
    RETURN true;
END
$$;
COMMENT ON FUNCTION log.keep_definition_v1(
    text, text, text, text, text, text, bytea, text, log.resource_v1[], integer,
    log.audit_entry_v1
) IS
    'Stores a version without activating it, and records that. False: the namespace has one with '
    'this hash. Another content under this version: RF002.';

SELECT log.grant_engine_v2();
