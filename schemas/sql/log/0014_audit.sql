-- Who did what beyond the logs of executions: a stream per namespace, chained, append-only.

CREATE TABLE log.audit_heads (
    namespace text COLLATE "C" PRIMARY KEY,
    position  bigint NOT NULL DEFAULT 0,
    at        bigint NOT NULL DEFAULT 0,
    hash      bytea  NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE log.audit_heads IS
    'The head row of each audit stream. Whoever records holds its row lock to the commit.';

CREATE TABLE log.audit (
    namespace text COLLATE "C" NOT NULL,
    position  bigint NOT NULL,
    at        bigint NOT NULL,
    actor     text   NOT NULL,
    action    text COLLATE "C" NOT NULL,
    target    text COLLATE "C" NOT NULL,
    salt      bytea  NOT NULL,
    data      bytea  NOT NULL,
    digest    bytea  NOT NULL,
    hash      bytea  NOT NULL,
    PRIMARY KEY (namespace, position)
);
COMMENT ON TABLE log.audit IS
    'Every change that is no event of an execution: who, what, on what. Data is a JSON object with '
    'origin (from where), reason (why) and the facts of the action; its digest is a Merkle root '
    'over salted members, as of events. The namespace * is that of the installation.';
COMMENT ON COLUMN log.audit.position IS 'From 1 without gap.';
COMMENT ON COLUMN log.audit.at IS
    'Milliseconds since 1970 by the clock of the database, never below the one before.';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON log.audit
    FOR EACH ROW EXECUTE FUNCTION log.refuse_change();
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON log.audit
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();

CREATE TYPE log.audit_entry_v1 AS (
    namespace text, actor text, action text, target text, salt bytea, data bytea, digest bytea
);

CREATE FUNCTION log.framed_v1(p_text text) RETURNS bytea
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN int4send(octet_length(convert_to(p_text, 'UTF8'))) || convert_to(p_text, 'UTF8');
COMMENT ON FUNCTION log.framed_v1(text) IS
    'A text in UTF-8 behind its length: 4 bytes, the highest first.';

CREATE FUNCTION log.locked_audit_head_v1(p_namespace text) RETURNS log.audit_heads
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_head log.audit_heads;
BEGIN
    SELECT * INTO v_head FROM log.audit_heads AS h
    WHERE h.namespace = p_namespace FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        -- The hash before the first entry names installation and namespace.
        INSERT INTO log.audit_heads (namespace, hash)
        SELECT p_namespace, sha256(convert_to(
            format('refold-audit-1|%s|%s', meta.cluster_id, p_namespace), 'UTF8'))
        FROM log.meta AS meta
        ON CONFLICT (namespace) DO NOTHING;
        SELECT * INTO v_head FROM log.audit_heads AS h
        WHERE h.namespace = p_namespace FOR NO KEY UPDATE;
    END IF;
    RETURN v_head;
END
$$;
COMMENT ON FUNCTION log.locked_audit_head_v1(text) IS
    'Locks the head row of an audit stream, which it makes if need be, to the end of the '
    'transaction.';

CREATE FUNCTION log.audit_v1(p_entry log.audit_entry_v1) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_head log.audit_heads := log.locked_audit_head_v1(p_entry.namespace);
    v_at   bigint := greatest(v_head.at, log.now_ms_v1());
    v_hash bytea := sha256(
        v_head.hash || int8send(v_head.position + 1) || int8send(v_at)
        || log.framed_v1(p_entry.namespace) || log.framed_v1(p_entry.actor)
        || log.framed_v1(p_entry.action) || log.framed_v1(p_entry.target) || p_entry.digest);
BEGIN
    INSERT INTO log.audit (namespace, position, at, actor, action, target, salt, data, digest, hash)
    VALUES (p_entry.namespace, v_head.position + 1, v_at, p_entry.actor, p_entry.action,
            p_entry.target, p_entry.salt, p_entry.data, p_entry.digest, v_hash);
    UPDATE log.audit_heads AS h SET position = v_head.position + 1, at = v_at, hash = v_hash
    WHERE h.namespace = p_entry.namespace;
    RETURN v_head.position + 1;
END
$$;
COMMENT ON FUNCTION log.audit_v1(log.audit_entry_v1) IS
    'Records what somebody did; returns its position. A function that makes the change itself '
    'calls this last, so that both are there or neither; the head row of the stream is the last '
    'lock it takes.';

CREATE FUNCTION log.apply_definition_v2(
    p_namespace text, p_workflow text, p_version text, p_definition_hash text, p_dialect text,
    p_media_type text, p_source bytea, p_actor text, p_resources log.resource_v1[],
    p_types text[], p_trigger text, p_shard integer, p_entry log.audit_entry_v1
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT log.apply_definition_v1(
        p_namespace, p_workflow, p_version, p_definition_hash, p_dialect, p_media_type, p_source,
        p_actor, p_resources, p_types, p_trigger, p_shard)
    THEN
        RETURN false;
    END IF;
    PERFORM log.audit_v1(p_entry);
    RETURN true;
END
$$;
COMMENT ON FUNCTION log.apply_definition_v2(
    text, text, text, text, text, text, bytea, text, log.resource_v1[], text[], text, integer,
    log.audit_entry_v1
) IS 'As apply_definition_v1; an activation is recorded with it, one that was already is not.';

SELECT log.grant_engine_v2();
