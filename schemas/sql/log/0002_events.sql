-- The log itself: events, births and commits, which nobody changes, and their partitions by month.

CREATE TABLE log.events (
    shard        integer  NOT NULL,
    position     bigint   NOT NULL,
    execution_id uuid     NOT NULL,
    seq          integer  NOT NULL,
    namespace    text     NOT NULL,
    type         text     NOT NULL,
    version      smallint NOT NULL,
    at           bigint   NOT NULL,
    actor        text     NOT NULL,
    causation    bigint   NOT NULL,
    traceparent  text,
    frame        integer  NOT NULL,
    node         text     NOT NULL,
    name         text     NOT NULL,
    branch       integer,
    iteration    integer,
    attempt      integer,
    epoch        bigint   NOT NULL,
    codec        smallint NOT NULL,
    key_id       text,
    salt         bytea    NOT NULL,
    data         bytea    NOT NULL,
    digest       bytea    NOT NULL,
    hash         bytea    NOT NULL,
    PRIMARY KEY (shard, execution_id, seq)
) PARTITION BY RANGE (execution_id);

-- Not unique: Postgres keeps uniqueness inside a partition alone. The head row gives it.
CREATE INDEX events_by_position ON log.events (shard, position);

COMMENT ON TABLE log.events IS
    'Every event of every execution, as written. Data is bytes, because jsonb rewrites numbers and '
    'keys; the view log.history decodes it.';
COMMENT ON COLUMN log.events.at IS
    'Milliseconds since 1970, derived from the database clock, never below the one before.';
COMMENT ON COLUMN log.events.frame IS 'The seq of the event that opened the scope.';

CREATE TABLE log.executions (
    shard           integer NOT NULL,
    execution_id    uuid    NOT NULL,
    namespace       text    NOT NULL,
    workflow        text    NOT NULL,
    version         text    NOT NULL,
    definition_hash text    NOT NULL,
    dialect         text    NOT NULL,
    ir_version      integer NOT NULL,
    start_key       text,
    PRIMARY KEY (shard, execution_id)
) PARTITION BY RANGE (execution_id);
COMMENT ON TABLE log.executions IS
    'One row at the birth of each execution or gathering, written with its first event.';

CREATE TABLE log.commits (
    shard          integer     NOT NULL,
    commit_no      bigint      NOT NULL,
    first_position bigint      NOT NULL,
    count          integer     NOT NULL,
    epoch          bigint      NOT NULL,
    at             bigint      NOT NULL,
    writer_version text        NOT NULL,
    min_execution  uuid        NOT NULL,
    max_execution  uuid        NOT NULL,
    parts          bytea       NOT NULL,
    hash           bytea       NOT NULL,
    committed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (shard, commit_no)
);
COMMENT ON TABLE log.commits IS
    'What each group commit added to a shard. The hash chains commits and covers parts, a list of '
    '[birth period, count, digest], so the chain can be checked after a partition is gone.';

CREATE FUNCTION log.refuse_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '% of %.% refused: the log is append-only',
        tg_op, tg_table_schema, tg_table_name
        USING ERRCODE = 'RF003';
END
$$;
COMMENT ON FUNCTION log.refuse_change() IS 'Trigger that keeps the log append-only, for any role.';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON log.events
    FOR EACH ROW EXECUTE FUNCTION log.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON log.executions
    FOR EACH ROW EXECUTE FUNCTION log.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON log.commits
    FOR EACH ROW EXECUTE FUNCTION log.refuse_change();
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON log.events
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON log.executions
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON log.commits
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();

CREATE FUNCTION log.first_id_v1(p_month date) RETURNS uuid
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN rpad(
    lpad(to_hex((extract(epoch FROM p_month) * 1000)::bigint), 12, '0'), 32, '0'
)::uuid;
COMMENT ON FUNCTION log.first_id_v1(date) IS
    'The lowest UUIDv7 of a day (UTC): the bound between the partitions of two months.';

CREATE FUNCTION log.ensure_partition_v1(p_table text, p_month date) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_name text := p_table || to_char(p_month, '_YYYY_MM');
BEGIN
    IF to_regclass(format('log.%I', v_name)) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format(
        'CREATE TABLE log.%I PARTITION OF log.%I FOR VALUES FROM (%L) TO (%L)',
        v_name, p_table,
        log.first_id_v1(p_month), log.first_id_v1((p_month + interval '1 month')::date));
    -- A truncate trigger of the parent does not cover its partitions.
    EXECUTE format(
        'CREATE TRIGGER never_truncated BEFORE TRUNCATE ON log.%I '
        'FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change()', v_name);
    RETURN true;
END
$$;
COMMENT ON FUNCTION log.ensure_partition_v1(text, date) IS
    'Makes the partition of one month unless it is there; says whether it did.';

CREATE FUNCTION log.ensure_partitions_v1(p_months_ahead integer) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_current date := date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC')::date;
    v_month   date;
    v_made    integer := 0;
BEGIN
    IF p_months_ahead NOT BETWEEN 1 AND 24 THEN
        RAISE EXCEPTION 'months ahead must be between 1 and 24, not %', p_months_ahead;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('refold.partitions', 0));
    -- The month before, too: a clock set back over midnight must not stop the log.
    FOR v_offset IN -1 .. p_months_ahead LOOP
        v_month := (v_current + make_interval(months => v_offset))::date;
        v_made := v_made
            + log.ensure_partition_v1('events', v_month)::integer
            + log.ensure_partition_v1('executions', v_month)::integer;
    END LOOP;
    RETURN v_made;
END
$$;
COMMENT ON FUNCTION log.ensure_partitions_v1(integer) IS
    'Makes the partitions from last month to so many months ahead; returns how many were missing. '
    'For the owner of the schema: at migration, at start, and from time to time. There is no '
    'default partition, because making a partition would have to scan it.';

SELECT log.ensure_partitions_v1(3);
