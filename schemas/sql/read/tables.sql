-- The read side: what projections derive from the log. Every generation of it lives in a schema of
-- its own ({read}: read_1, read_2, ...), so that it can be rebuilt beside the live one and swapped.
-- Nothing here is truth: all of it can be dropped and made again. Whoever changes a table, or what
-- a view writes into it, raises VIEWS_VERSION in projections/generations.py.

CREATE SCHEMA IF NOT EXISTS {read};

-- The version of the views that write these tables.
CREATE TABLE IF NOT EXISTS {read}.made (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    version int NOT NULL
);
INSERT INTO {read}.made (version) VALUES ({version}) ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS {read}.positions (
    shard int PRIMARY KEY,
    position bigint NOT NULL
) WITH (fillfactor = 50);

-- One row for every execution. `copied_upto`: so many events at the beginning are a copy of another
-- execution's (a fork, an import) and happened there. `rehearsed`: a fork some of whose actions are
-- answered from a record or by mocks. `batch`: the bulk fork that it is part of.
CREATE TABLE IF NOT EXISTS {read}.executions (
    execution_id uuid PRIMARY KEY,
    shard int NOT NULL,
    namespace text NOT NULL,
    workflow text NOT NULL,
    version text NOT NULL,
    definition_hash text NOT NULL,
    name text,
    start_key text,
    actor text NOT NULL,
    trigger_position bigint,
    labels jsonb NOT NULL,
    status text NOT NULL,
    actions int NOT NULL,
    waits int NOT NULL,
    suspended boolean NOT NULL,
    started_at bigint NOT NULL,
    closed_at bigint,
    last_seq bigint NOT NULL,
    last_at bigint NOT NULL,
    error_code text,
    error_message text,
    forked_from uuid,
    forked_at bigint,
    copied_upto bigint NOT NULL,
    rehearsed boolean NOT NULL,
    batch text
) WITH (fillfactor = 80);
CREATE INDEX IF NOT EXISTS executions_by_namespace
    ON {read}.executions (namespace, execution_id DESC);
CREATE INDEX IF NOT EXISTS executions_by_workflow
    ON {read}.executions (namespace, workflow, execution_id DESC);
CREATE INDEX IF NOT EXISTS executions_by_status
    ON {read}.executions (namespace, status, execution_id DESC);
CREATE INDEX IF NOT EXISTS executions_by_error
    ON {read}.executions (namespace, error_code, execution_id DESC) WHERE error_code IS NOT NULL;
CREATE INDEX IF NOT EXISTS executions_by_source
    ON {read}.executions (forked_from, execution_id) WHERE forked_from IS NOT NULL;

CREATE INDEX IF NOT EXISTS executions_by_batch
    ON {read}.executions (namespace, batch, execution_id DESC) WHERE batch IS NOT NULL;

-- By what an execution is found: one row for each label and for each of the first scalars of its
-- input and output. `key` is a hash of namespace, place and value.
CREATE TABLE IF NOT EXISTS {read}.found_by (
    key bigint NOT NULL,
    execution_id uuid NOT NULL,
    PRIMARY KEY (key, execution_id)
);

-- One row for every scope of an execution: its states, branches and iterations.
CREATE TABLE IF NOT EXISTS {read}.scopes (
    execution_id uuid NOT NULL,
    frame bigint NOT NULL,
    parent bigint NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    type text NOT NULL,
    node text NOT NULL,
    branch int,
    iteration int,
    entered_at bigint NOT NULL,
    left_at bigint,
    left_seq bigint,
    outcome text,
    next text,
    error_code text,
    PRIMARY KEY (execution_id, frame)
);

-- One row for every attempt of an action. `first`: the seq of the action's first attempt.
CREATE TABLE IF NOT EXISTS {read}.attempts (
    execution_id uuid NOT NULL,
    seq bigint NOT NULL,
    frame bigint NOT NULL,
    name text NOT NULL,
    function text NOT NULL,
    attempt int NOT NULL,
    first bigint NOT NULL,
    answered_by text NOT NULL,
    scheduled_at bigint NOT NULL,
    ended_at bigint,
    ended_seq bigint,
    outcome text,
    error_code text,
    error_message text,
    PRIMARY KEY (execution_id, seq)
);
CREATE INDEX IF NOT EXISTS attempts_again
    ON {read}.attempts (execution_id, seq) WHERE attempt > 1;

-- One row for every wait: a timer, a wait for CloudEvents, a callback. `due`: of a wait for
-- CloudEvents or a callback, its time-out. `workflow`: of a start that gathers its CloudEvents.
CREATE TABLE IF NOT EXISTS {read}.waits (
    execution_id uuid NOT NULL,
    seq bigint NOT NULL,
    namespace text NOT NULL,
    workflow text,
    kind text NOT NULL,
    purpose text NOT NULL,
    frame bigint NOT NULL,
    name text NOT NULL,
    types jsonb NOT NULL,
    filters jsonb NOT NULL,
    opened_at bigint NOT NULL,
    due bigint,
    closed_at bigint,
    closed_seq bigint,
    outcome text,
    PRIMARY KEY (execution_id, seq)
);
CREATE INDEX IF NOT EXISTS waits_open
    ON {read}.waits (namespace, execution_id, seq) WHERE closed_at IS NULL;

-- One row for every CloudEvent that an execution took. `role`: it started the execution, resumed
-- it, or is kept until the others of its wait have come. `emitter`, `emitter_seq`: the event of
-- ours that the CloudEvent's id names.
CREATE TABLE IF NOT EXISTS {read}.taken (
    execution_id uuid NOT NULL,
    seq bigint NOT NULL,
    namespace text NOT NULL,
    position bigint NOT NULL,
    event_id text NOT NULL,
    source text NOT NULL,
    type text NOT NULL,
    ref text NOT NULL,
    role text NOT NULL,
    name text NOT NULL,
    at bigint NOT NULL,
    emitter uuid,
    emitter_seq bigint,
    PRIMARY KEY (execution_id, seq)
);
CREATE INDEX IF NOT EXISTS taken_by_position
    ON {read}.taken (namespace, position, execution_id, seq);
CREATE INDEX IF NOT EXISTS taken_by_emitter
    ON {read}.taken (emitter, emitter_seq) WHERE emitter IS NOT NULL;

-- One row for every CloudEvent that an execution emitted.
CREATE TABLE IF NOT EXISTS {read}.emitted (
    execution_id uuid NOT NULL,
    seq bigint NOT NULL,
    namespace text NOT NULL,
    source text NOT NULL,
    type text NOT NULL,
    ref text NOT NULL,
    frame bigint NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (execution_id, seq)
);

-- Executions whose data was erased and whose rows were dropped for that. Not part of what a rebuild
-- compares.
CREATE TABLE IF NOT EXISTS {read}.dropped (
    execution_id uuid PRIMARY KEY
);

-- One row for every command from outside that an execution obeyed.
CREATE TABLE IF NOT EXISTS {read}.commands (
    execution_id uuid NOT NULL,
    seq bigint NOT NULL,
    namespace text NOT NULL,
    at bigint NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    origin text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (execution_id, seq)
);
CREATE INDEX IF NOT EXISTS commands_in_order
    ON {read}.commands (namespace, at, execution_id, seq);

-- An API that logs in as the engine's role answers from these tables.
DO $$
BEGIN
    IF to_regrole('refold_engine') IS NOT NULL
        AND NOT has_schema_privilege('refold_engine', '{read}', 'USAGE') THEN
        GRANT USAGE ON SCHEMA {read} TO refold_engine;
        GRANT SELECT ON ALL TABLES IN SCHEMA {read} TO refold_engine;
    END IF;
END
$$;
