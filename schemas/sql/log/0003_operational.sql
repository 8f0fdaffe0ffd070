-- What is still to be done: rows that come and go with the events that cause and settle them.

CREATE TABLE log.inbox (
    shard        integer NOT NULL,
    id           bigint  GENERATED ALWAYS AS IDENTITY,
    kind         text    NOT NULL CHECK (kind IN ('start', 'callback', 'cancel', 'hint', 'offer')),
    execution_id uuid    NOT NULL,
    namespace    text COLLATE "C" NOT NULL,
    position     bigint  NOT NULL,
    body         bytea   NOT NULL,
    actor        text    NOT NULL,
    traceparent  text,
    at           bigint  NOT NULL DEFAULT log.now_ms_v1(),
    PRIMARY KEY (shard, id)
) WITH (
    fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500,
    autovacuum_analyze_scale_factor = 0.1
);
COMMENT ON TABLE log.inbox IS
    'What came from outside for an execution, committed before it was answered, deleted by the '
    'append that takes it. Read as all rows present, never by a cursor: ids do not become visible '
    'in order.';
COMMENT ON COLUMN log.inbox.position IS
    'Of the stream of CloudEvents of the namespace. start: only CloudEvents above it count (the '
    'head when the start was accepted, or the CloudEvent that starts); hint and offer: the '
    'CloudEvent meant; else 0.';

-- The matcher may come by a position again: its rows are keyed by what they say.
CREATE UNIQUE INDEX inbox_once ON log.inbox (shard, namespace, position, execution_id, sha256(body))
    WHERE kind IN ('hint', 'offer');

CREATE TABLE log.start_keys (
    namespace    text COLLATE "C" NOT NULL,
    workflow     text COLLATE "C" NOT NULL,
    key          text COLLATE "C" NOT NULL,
    execution_id uuid   NOT NULL,
    request_hash bytea  NOT NULL,
    at           bigint NOT NULL,
    PRIMARY KEY (namespace, workflow, key)
) WITH (fillfactor = 90);
COMMENT ON TABLE log.start_keys IS
    'Which execution a start key gave. Kept apart from the log, for a window of its own.';

CREATE TABLE log.timers (
    shard        integer NOT NULL,
    execution_id uuid    NOT NULL,
    timer        integer NOT NULL,
    due          bigint  NOT NULL,
    PRIMARY KEY (shard, execution_id, timer)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX timers_by_due ON log.timers (shard, due);
COMMENT ON TABLE log.timers IS 'Timers that run; due in milliseconds since 1970.';

CREATE TABLE log.subscriptions (
    shard        integer NOT NULL,
    execution_id uuid    NOT NULL,
    wait         integer NOT NULL,
    ref          text COLLATE "C" NOT NULL,
    namespace    text COLLATE "C" NOT NULL,
    type         text COLLATE "C" NOT NULL,
    key          bytea,
    after        bigint  NOT NULL,
    PRIMARY KEY (shard, execution_id, wait, ref)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX subscriptions_by_type ON log.subscriptions (namespace, type, key);
COMMENT ON TABLE log.subscriptions IS
    'Event definitions of open waits. key: hash of (attribute, value), null where any will do.';

CREATE TABLE log.gatherings (
    shard        integer NOT NULL,
    execution_id uuid    NOT NULL,
    namespace    text COLLATE "C" NOT NULL,
    trigger      text COLLATE "C" NOT NULL,
    key          bytea   NOT NULL,
    PRIMARY KEY (shard, execution_id)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX gatherings_by_key ON log.gatherings (shard, trigger, key);
COMMENT ON TABLE log.gatherings IS
    'Logs that gather several CloudEvents before their execution starts.';

CREATE TABLE log.open_actions (
    shard        integer NOT NULL,
    execution_id uuid    NOT NULL,
    PRIMARY KEY (shard, execution_id)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON TABLE log.open_actions IS
    'Executions with a scheduled action that has no answer: what a new owner has to look at.';

CREATE TABLE log.snapshots (
    shard          integer NOT NULL,
    execution_id   uuid    NOT NULL,
    seq            integer NOT NULL,
    evolve_version integer NOT NULL,
    state          bytea   NOT NULL,
    PRIMARY KEY (shard, execution_id)
) WITH (fillfactor = 70);
COMMENT ON TABLE log.snapshots IS
    'Cached folds. Any row may be deleted at any time; none is evidence of anything.';

CREATE TABLE log.readers (
    reader   text COLLATE "C" NOT NULL,
    shard    integer NOT NULL,
    position bigint  NOT NULL,
    PRIMARY KEY (reader, shard)
) WITH (fillfactor = 50);
COMMENT ON TABLE log.readers IS
    'How far each registered reader of the log has read. A partition may go when all have passed it.';
