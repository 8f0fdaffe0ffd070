-- Namespaces that encrypt: keys, whose data they seal, and the erasure of data by deleting its key.

CREATE TABLE log.namespaces (
    namespace  text COLLATE "C" PRIMARY KEY,
    encryption text   NOT NULL CHECK (encryption IN ('off', 'execution', 'subject')),
    since      bigint NOT NULL
);
COMMENT ON TABLE log.namespaces IS
    'How a namespace encrypts: executions that begin from since on. One that is not here does not.';

CREATE TABLE log.data_keys (
    key_id     text COLLATE "C" PRIMARY KEY,
    namespace  text COLLATE "C" NOT NULL,
    kind       text   NOT NULL CHECK (kind IN ('execution', 'subject', 'namespace')),
    owner      text COLLATE "C" NOT NULL,
    wrapped    bytea,
    created_at bigint NOT NULL,
    erased_at  bigint,
    CHECK ((wrapped IS NULL) = (erased_at IS NOT NULL))
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX data_keys_living ON log.data_keys (namespace, kind, owner)
    WHERE erased_at IS NULL;
CREATE INDEX data_keys_of_owner ON log.data_keys (namespace, kind, owner, created_at);
COMMENT ON TABLE log.data_keys IS
    'Keys that data is sealed with, wrapped by a master key that is not in the database. To erase '
    'is to null wrapped: the row stays, so that "erased" can be told from "lost".';
COMMENT ON COLUMN log.data_keys.owner IS
    'The execution''s id in hex; a keyed hash of the data subject, never its name; or empty.';

CREATE TABLE log.key_uses (
    execution_id uuid PRIMARY KEY,
    key_id       text COLLATE "C" NOT NULL
);
CREATE INDEX key_uses_of_key ON log.key_uses (key_id, execution_id);
COMMENT ON TABLE log.key_uses IS
    'Which key seals the events of an execution: one for its whole life. Executions of one data '
    'subject share a key, and a fork has the key of its source.';

CREATE TABLE log.erasures (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace    text COLLATE "C" NOT NULL,
    key_id       text COLLATE "C" NOT NULL,
    target       text   NOT NULL,
    cancel       boolean NOT NULL,
    actor        text   NOT NULL,
    origin       text   NOT NULL,
    reason       text   NOT NULL,
    asked_at     bigint NOT NULL DEFAULT log.now_ms_v1(),
    done_at      bigint,
    done_no      bigint UNIQUE,
    executions   integer,
    cloudevents  integer
);
CREATE UNIQUE INDEX erasures_open ON log.erasures (key_id) WHERE done_at IS NULL;
CREATE INDEX erasures_of_namespace ON log.erasures (namespace, id);
COMMENT ON TABLE log.erasures IS
    'Requests to erase: carried on after a crash until done_at says that the key is gone.';
COMMENT ON COLUMN log.erasures.done_no IS
    'The order in which they were done, from 1 without gap, and become visible in that order.';

CREATE TABLE log.erased (
    execution_id uuid PRIMARY KEY,
    done_no      bigint NOT NULL
);
CREATE INDEX erased_in_order ON log.erased (done_no, execution_id);
COMMENT ON TABLE log.erased IS 'Executions whose data was erased: what the read tables must drop.';

CREATE FUNCTION log.set_encryption_v1(
    p_namespace text, p_encryption text, p_key_id text, p_wrapped bytea,
    p_entry log.audit_entry_v1
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_before text;
BEGIN
    IF p_encryption = 'off' AND NOT EXISTS (
        SELECT FROM log.namespaces AS n WHERE n.namespace = p_namespace
    ) THEN
        RETURN false;
    END IF;
    INSERT INTO log.namespaces (namespace, encryption, since)
    VALUES (p_namespace, 'off', log.now_ms_v1())
    ON CONFLICT (namespace) DO NOTHING;
    SELECT n.encryption INTO v_before FROM log.namespaces AS n
    WHERE n.namespace = p_namespace FOR NO KEY UPDATE;
    IF v_before = p_encryption THEN
        RETURN false;
    END IF;
    UPDATE log.namespaces AS n SET encryption = p_encryption, since = log.now_ms_v1()
    WHERE n.namespace = p_namespace;
    IF p_encryption <> 'off' THEN
        INSERT INTO log.data_keys (key_id, namespace, kind, owner, wrapped, created_at)
        VALUES (p_key_id, p_namespace, 'namespace', '', p_wrapped, log.now_ms_v1())
        ON CONFLICT DO NOTHING;
    END IF;
    PERFORM log.audit_v1(p_entry);
    RETURN true;
END
$$;
COMMENT ON FUNCTION log.set_encryption_v1(text, text, text, bytea, log.audit_entry_v1) IS
    'Switches a namespace, gives it a key of its own unless it has one, and records it. False: it '
    'was so already.';

CREATE TYPE log.key_claim_v1 AS (
    execution_id uuid, namespace text, kind text, owner text, key_id text, wrapped bytea,
    source uuid
);

CREATE FUNCTION log.claim_key_v1(p_claim log.key_claim_v1) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_key text;
BEGIN
    SELECT u.key_id INTO v_key FROM log.key_uses AS u
    WHERE u.execution_id = p_claim.execution_id;
    IF FOUND THEN
        RETURN v_key;
    END IF;
    IF p_claim.source IS NOT NULL THEN
        -- The lock keeps an erasure from passing by while the fork joins those that it erases.
        SELECT k.key_id INTO v_key
        FROM log.key_uses AS u JOIN log.data_keys AS k ON k.key_id = u.key_id
        WHERE u.execution_id = p_claim.source FOR SHARE OF k;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
    END IF;
    WHILE v_key IS NULL LOOP
        INSERT INTO log.data_keys (key_id, namespace, kind, owner, wrapped, created_at)
        VALUES (p_claim.key_id, p_claim.namespace, p_claim.kind, p_claim.owner, p_claim.wrapped,
                log.now_ms_v1())
        ON CONFLICT (namespace, kind, owner) WHERE erased_at IS NULL DO NOTHING;
        -- One that is being erased is gone after the wait for its lock: then another is made.
        SELECT k.key_id INTO v_key FROM log.data_keys AS k
        WHERE k.namespace = p_claim.namespace AND k.kind = p_claim.kind
          AND k.owner = p_claim.owner AND k.erased_at IS NULL
        FOR SHARE;
    END LOOP;
    INSERT INTO log.key_uses (execution_id, key_id) VALUES (p_claim.execution_id, v_key)
    ON CONFLICT (execution_id) DO NOTHING;
    SELECT u.key_id INTO v_key FROM log.key_uses AS u
    WHERE u.execution_id = p_claim.execution_id;
    RETURN v_key;
END
$$;
COMMENT ON FUNCTION log.claim_key_v1(log.key_claim_v1) IS
    'Part of claim_keys: the key of one execution; null for a fork whose source has none.';

CREATE FUNCTION log.claim_keys_v1(p_claims log.key_claim_v1[])
RETURNS TABLE (
    execution_id uuid, key_id text, namespace text, kind text, owner text, wrapped bytea,
    created_at bigint, erased_at bigint
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    v_claim log.key_claim_v1;
    v_key   text;
BEGIN
    -- In the order of their owners, so that two callers cannot wait for each other.
    FOR v_claim IN
        SELECT c.* FROM unnest(p_claims) AS c ORDER BY c.namespace, c.kind, c.owner, c.execution_id
    LOOP
        v_key := log.claim_key_v1(v_claim);
        RETURN QUERY
        SELECT v_claim.execution_id, k.key_id, k.namespace, k.kind, k.owner, k.wrapped,
               k.created_at, k.erased_at
        FROM log.data_keys AS k WHERE k.key_id = v_key;
    END LOOP;
END
$$;
COMMENT ON FUNCTION log.claim_keys_v1(log.key_claim_v1[]) IS
    'The keys of executions that begin: found or made, and the same ever after.';

CREATE FUNCTION log.rewrap_key_v1(p_key_id text, p_before bytea, p_after bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE log.data_keys AS k SET wrapped = p_after
    WHERE k.key_id = p_key_id AND k.wrapped = p_before;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION log.rewrap_key_v1(text, bytea, bytea) IS
    'Replaces the wrapped form of a key, if it is still the one before.';

CREATE FUNCTION log.ask_erasure_v1(
    p_namespace text, p_key_id text, p_target text, p_cancel boolean, p_actor text, p_origin text,
    p_reason text, p_entry log.audit_entry_v1
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_id bigint;
BEGIN
    SELECT e.id INTO v_id FROM log.erasures AS e
    WHERE e.key_id = p_key_id AND e.done_at IS NULL;
    IF FOUND THEN
        RETURN v_id;
    END IF;
    INSERT INTO log.erasures (namespace, key_id, target, cancel, actor, origin, reason)
    SELECT k.namespace, k.key_id, p_target, p_cancel, p_actor, p_origin, p_reason
    FROM log.data_keys AS k
    WHERE k.key_id = p_key_id AND k.namespace = p_namespace AND k.kind <> 'namespace'
      AND k.erased_at IS NULL
    ON CONFLICT (key_id) WHERE done_at IS NULL DO NOTHING
    RETURNING id INTO v_id;
    IF NOT FOUND THEN
        SELECT e.id INTO v_id FROM log.erasures AS e WHERE e.key_id = p_key_id
        ORDER BY e.done_at IS NULL DESC, e.id DESC LIMIT 1;
        RETURN v_id;
    END IF;
    PERFORM log.audit_v1(p_entry);
    RETURN v_id;
END
$$;
COMMENT ON FUNCTION log.ask_erasure_v1(
    text, text, text, boolean, text, text, text, log.audit_entry_v1
) IS
    'Notes that a key is to be erased, and records who asked; the erasure that is under way, or was '
    'done, where there is one. Null: there is no such key here.';

CREATE FUNCTION log.shard_of_v1(p_execution_id uuid) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
RETURN ('x' || substr(replace(p_execution_id::text, '-', ''), 14, 3))::bit(12)::integer;
COMMENT ON FUNCTION log.shard_of_v1(uuid) IS 'The shard, which stands in the id.';

CREATE FUNCTION log.erased_cloudevent_v1(p_id text, p_source text) RETURNS bytea
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN convert_to(
    json_build_object('specversion', '1.0', 'id', p_id, 'source', p_source,
                      'type', 'refold.erased')::text, 'UTF8');
COMMENT ON FUNCTION log.erased_cloudevent_v1(text, text) IS
    'What is left of an erased CloudEvent: body and attributes alike.';

CREATE FUNCTION log.erase_cloudevents_v1(
    p_namespace text, p_positions bigint[], p_keys bytea[]
) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    v_count integer;
BEGIN
    DELETE FROM log.cloudevent_keys AS k
    USING log.cloudevents AS ce
    WHERE ce.namespace = p_namespace AND ce.position = ANY (p_positions)
      AND k.namespace = p_namespace AND k.type = ce.type AND k.key = ANY (p_keys)
      AND k.position = ce.position;
    UPDATE log.cloudevents_dedup AS d SET digest = ''
    FROM log.cloudevents AS ce
    WHERE ce.namespace = p_namespace AND ce.position = ANY (p_positions)
      AND d.namespace = p_namespace AND d.key16 = substring(sha256(
          convert_to(ce.source, 'UTF8') || '\x00'::bytea || convert_to(ce.id, 'UTF8')) FOR 16);
    UPDATE log.cloudevents AS ce
    SET type = 'refold.erased',
        digest = '',
        attributes = log.erased_cloudevent_v1(ce.id, ce.source),
        body = log.erased_cloudevent_v1(ce.id, ce.source)
    WHERE ce.namespace = p_namespace AND ce.position = ANY (p_positions)
      AND ce.type <> 'refold.erased';
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$$;
COMMENT ON FUNCTION log.erase_cloudevents_v1(text, bigint[], bytea[]) IS
    'Leaves id and source of CloudEvents, so that the same one again is still known, and takes all '
    'else, with its digest and the keys it was found under. Safe to repeat.';

CREATE FUNCTION log.ingest_v2(p_namespace text, p_shard integer, p_events log.ingest_v1[])
RETURNS TABLE (stored_at bigint, outcome text)
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT
        r.stored_at,
        CASE
            WHEN r.outcome = 'conflict' AND (
                SELECT ce.digest FROM log.cloudevents AS ce
                WHERE ce.namespace = p_namespace AND ce.position = r.stored_at
            ) = '' THEN 'duplicate'
            ELSE r.outcome
        END
    FROM log.ingest_v1(p_namespace, p_shard, p_events) AS r;
END;
COMMENT ON FUNCTION log.ingest_v2(text, integer, log.ingest_v1[]) IS
    'As ingest_v1; one that was erased is a duplicate, whatever it holds now: nobody can tell.';

CREATE FUNCTION log.finish_erasure_v1(
    p_erasure bigint, p_executions uuid[], p_cloudevents integer, p_entry log.audit_entry_v1
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    v_erasure log.erasures;
    v_done_no bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('refold.erasures', 0));
    SELECT * INTO v_erasure FROM log.erasures AS e WHERE e.id = p_erasure FOR NO KEY UPDATE;
    IF v_erasure.done_at IS NOT NULL THEN
        RETURN true;
    END IF;
    PERFORM 1 FROM log.data_keys AS k WHERE k.key_id = v_erasure.key_id FOR UPDATE;
    -- Whoever claims the key holds its lock: the list is whole now, or it is to be made again.
    IF EXISTS (
        SELECT 1
        FROM (SELECT u.execution_id FROM log.key_uses AS u WHERE u.key_id = v_erasure.key_id) AS u
        FULL JOIN unnest(p_executions) AS given (execution_id) USING (execution_id)
        WHERE u.execution_id IS NULL OR given.execution_id IS NULL
    ) THEN
        RETURN false;
    END IF;
    DELETE FROM log.snapshots AS s USING unnest(p_executions) AS one (id)
    WHERE s.shard = log.shard_of_v1(one.id) AND s.execution_id = one.id;
    DELETE FROM log.kept_snapshots AS s USING unnest(p_executions) AS one (id)
    WHERE s.shard = log.shard_of_v1(one.id) AND s.execution_id = one.id;
    DELETE FROM log.inbox AS i USING unnest(p_executions) AS one (id)
    WHERE i.shard = log.shard_of_v1(one.id) AND i.execution_id = one.id;
    SELECT coalesce(max(e.done_no), 0) + 1 INTO v_done_no FROM log.erasures AS e;
    INSERT INTO log.erased (execution_id, done_no)
    SELECT one.id, v_done_no FROM unnest(p_executions) AS one (id)
    ON CONFLICT (execution_id) DO NOTHING;
    UPDATE log.data_keys AS k SET wrapped = NULL, erased_at = log.now_ms_v1()
    WHERE k.key_id = v_erasure.key_id AND k.erased_at IS NULL;
    UPDATE log.erasures AS e
    SET done_at = log.now_ms_v1(), done_no = v_done_no, executions = cardinality(p_executions),
        cloudevents = p_cloudevents
    WHERE e.id = p_erasure;
    PERFORM log.audit_v1(p_entry);
    RETURN true;
END
$$;
COMMENT ON FUNCTION log.finish_erasure_v1(bigint, uuid[], integer, log.audit_entry_v1) IS
    'Deletes the key and all that can be made again from what it sealed, and records it, at once. '
    'False: the key has come to seal other executions than these; look again.';

SELECT log.grant_engine_v2();
