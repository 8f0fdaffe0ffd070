-- Definitions: immutable versions, of which one is active; its trigger has a range of positions.

CREATE TYPE log.resource_v1 AS (uri text, content bytea);

CREATE FUNCTION log.store_definition_v1(p_row log.definitions, p_resources log.resource_v1[])
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_stored log.definitions;
BEGIN
    SELECT * INTO v_stored FROM log.definitions AS d
    WHERE d.namespace = p_row.namespace AND d.workflow = p_row.workflow
      AND d.version = p_row.version;
    IF NOT FOUND THEN
        INSERT INTO log.definitions SELECT p_row.*;
        INSERT INTO log.resources (namespace, workflow, version, uri, content)
        SELECT p_row.namespace, p_row.workflow, p_row.version, r.uri, r.content
        FROM unnest(p_resources) AS r;
        RETURN false;
    END IF;
    IF v_stored.definition_hash <> p_row.definition_hash OR EXISTS (
        SELECT 1
        FROM unnest(p_resources) AS r
        FULL JOIN (
            SELECT s.uri, s.content FROM log.resources AS s
            WHERE s.namespace = p_row.namespace AND s.workflow = p_row.workflow
              AND s.version = p_row.version
        ) AS kept USING (uri)
        WHERE r.content IS DISTINCT FROM kept.content
    ) THEN
        RAISE EXCEPTION 'version % of % holds other content; give the changed one a new version',
            to_json(p_row.version), to_json(p_row.workflow) USING ERRCODE = 'RF002';
    END IF;
    RETURN v_stored.active;
END
$$;
COMMENT ON FUNCTION log.store_definition_v1(log.definitions, log.resource_v1[]) IS
    'Stores a version that is new; says whether it was there and active. Other content: RF002.';

CREATE FUNCTION log.apply_definition_v1(
    p_namespace text, p_workflow text, p_version text, p_definition_hash text, p_dialect text,
    p_media_type text, p_source bytea, p_actor text, p_resources log.resource_v1[],
    p_types text[], p_trigger text, p_shard integer
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_stream log.streams := log.lock_stream_v1(p_namespace, p_shard);
BEGIN
    IF log.store_definition_v1(
        ROW (p_namespace, p_workflow, p_version, p_definition_hash, p_dialect, p_media_type,
             p_source, log.now_ms_v1(), p_actor, false)::log.definitions, p_resources)
    THEN
        RETURN false;
    END IF;
    UPDATE log.definitions AS d SET active = false
    WHERE d.namespace = p_namespace AND d.workflow = p_workflow AND d.active;
    UPDATE log.definitions AS d SET active = true
    WHERE d.namespace = p_namespace AND d.workflow = p_workflow AND d.version = p_version;
    UPDATE log.triggers AS t SET to_position = v_stream.head
    WHERE t.namespace = p_namespace AND t.workflow = p_workflow AND t.to_position IS NULL;
    IF p_trigger IS NOT NULL THEN
        INSERT INTO log.triggers (namespace, trigger, workflow, version, definition_hash, types,
                                  from_position)
        VALUES (p_namespace, p_trigger, p_workflow, p_version, p_definition_hash, p_types,
                v_stream.head);
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION log.apply_definition_v1(
    text, text, text, text, text, text, bytea, text, log.resource_v1[], text[], text, integer
) IS
    'Stores and activates a version under the lock of the stream: from this position on its '
    'trigger counts and that of the version before does not. False: it was active already.';
