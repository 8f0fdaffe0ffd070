-- The read side: what projections derive from the log. Every generation of it lives in a schema of
-- its own ({read}: read_1, read_2, ...), so that it can be rebuilt beside the live one and swapped.
-- Nothing here is truth: all of it can be dropped and made again.

CREATE SCHEMA IF NOT EXISTS {read};

CREATE TABLE IF NOT EXISTS {read}.positions (
    shard int PRIMARY KEY,
    position bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE IF NOT EXISTS {read}.executions (
    execution_id uuid PRIMARY KEY,
    shard int NOT NULL,
    namespace text NOT NULL,
    workflow text NOT NULL,
    version text NOT NULL,
    definition_hash text NOT NULL,
    name text,
    start_key text,
    trigger_source text,
    trigger_id text,
    status text NOT NULL,
    actions int NOT NULL,
    waits int NOT NULL,
    started_at bigint NOT NULL,
    closed_at bigint,
    last_seq bigint NOT NULL,
    last_at bigint NOT NULL,
    error_code text,
    error_message text
) WITH (fillfactor = 80);
CREATE INDEX IF NOT EXISTS executions_by_namespace
    ON {read}.executions (namespace, execution_id DESC);
CREATE INDEX IF NOT EXISTS executions_by_workflow
    ON {read}.executions (namespace, workflow, execution_id DESC);
CREATE INDEX IF NOT EXISTS executions_by_status
    ON {read}.executions (namespace, status, execution_id DESC);

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
    outcome text,
    next text,
    error_code text,
    PRIMARY KEY (execution_id, frame)
);

-- One row for every attempt of an action.
CREATE TABLE IF NOT EXISTS {read}.attempts (
    execution_id uuid NOT NULL,
    seq bigint NOT NULL,
    frame bigint NOT NULL,
    name text NOT NULL,
    function text NOT NULL,
    attempt int NOT NULL,
    scheduled_at bigint NOT NULL,
    ended_at bigint,
    outcome text,
    error_code text,
    error_message text,
    PRIMARY KEY (execution_id, seq)
);

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
