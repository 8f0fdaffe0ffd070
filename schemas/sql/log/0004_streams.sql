-- CloudEvents: a stream per namespace with positions without gaps; definitions and their triggers.

CREATE TABLE log.streams (
    namespace text COLLATE "C" PRIMARY KEY,
    shard     integer NOT NULL,
    head      bigint  NOT NULL DEFAULT 0,
    matched   bigint  NOT NULL DEFAULT 0,
    at        bigint  NOT NULL DEFAULT 0,
    CHECK (matched <= head)
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0.5);
COMMENT ON TABLE log.streams IS
    'The head row of each stream: last position, how far the matcher has come (shard: whose owner '
    'matches), time of the last CloudEvent. Whoever stores holds its row lock to the commit.';

CREATE TABLE log.cloudevents (
    namespace  text COLLATE "C" NOT NULL,
    position   bigint NOT NULL,
    at         bigint NOT NULL,
    id         text   NOT NULL,
    source     text   NOT NULL,
    type       text COLLATE "C" NOT NULL,
    digest     bytea  NOT NULL,
    attributes bytea  NOT NULL,
    body       bytea  NOT NULL,
    actor      text   NOT NULL,
    PRIMARY KEY (namespace, position)
);
CREATE INDEX cloudevents_by_type ON log.cloudevents (namespace, type, position);
COMMENT ON TABLE log.cloudevents IS 'The CloudEvents of each namespace in the order of arrival.';

CREATE TABLE log.cloudevents_dedup (
    namespace text COLLATE "C" NOT NULL,
    key16     bytea  NOT NULL,
    position  bigint NOT NULL,
    digest    bytea  NOT NULL,
    PRIMARY KEY (namespace, key16)
);
COMMENT ON TABLE log.cloudevents_dedup IS
    'Position of each (source, id), by 16 bytes of its hash; the digest tells a duplicate from '
    'another CloudEvent under the same name.';

-- The order of the key columns matters: day before type made a look-back scan every day.
CREATE TABLE log.cloudevent_keys (
    namespace text COLLATE "C" NOT NULL,
    type      text COLLATE "C" NOT NULL,
    key       bytea   NOT NULL,
    position  bigint  NOT NULL,
    day       integer NOT NULL,
    PRIMARY KEY (namespace, type, key, position, day)
);
COMMENT ON TABLE log.cloudevent_keys IS
    'Under which attribute hashes a CloudEvent is found; day counts from 1970, for retention.';

CREATE TABLE log.definitions (
    namespace       text COLLATE "C" NOT NULL,
    workflow        text COLLATE "C" NOT NULL,
    version         text COLLATE "C" NOT NULL,
    definition_hash text COLLATE "C" NOT NULL,
    dialect         text    NOT NULL,
    media_type      text    NOT NULL,
    source          bytea   NOT NULL,
    created_at      bigint  NOT NULL,
    actor           text    NOT NULL,
    active          boolean NOT NULL,
    PRIMARY KEY (namespace, workflow, version)
);
CREATE UNIQUE INDEX definitions_one_active ON log.definitions (namespace, workflow) WHERE active;
CREATE INDEX definitions_by_hash ON log.definitions (namespace, definition_hash);
CREATE INDEX definitions_in_order ON log.definitions (namespace, workflow, created_at, version);
COMMENT ON TABLE log.definitions IS
    'Versions of definitions as applied; all but active never changes.';

CREATE TABLE log.resources (
    namespace text COLLATE "C" NOT NULL,
    workflow  text COLLATE "C" NOT NULL,
    version   text COLLATE "C" NOT NULL,
    uri       text COLLATE "C" NOT NULL,
    content   bytea NOT NULL,
    PRIMARY KEY (namespace, workflow, version, uri),
    FOREIGN KEY (namespace, workflow, version) REFERENCES log.definitions
);
COMMENT ON TABLE log.resources IS 'Documents that a definition names by URI, stored with it.';

CREATE TABLE log.triggers (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace       text COLLATE "C" NOT NULL,
    trigger         text   NOT NULL,
    workflow        text COLLATE "C" NOT NULL,
    version         text COLLATE "C" NOT NULL,
    definition_hash text COLLATE "C" NOT NULL,
    types           text[] NOT NULL,
    from_position   bigint NOT NULL,
    to_position     bigint,
    CHECK (to_position >= from_position)
);
CREATE UNIQUE INDEX triggers_one_open ON log.triggers (namespace, workflow)
    WHERE to_position IS NULL;
CREATE INDEX triggers_by_end ON log.triggers (namespace, to_position);
COMMENT ON TABLE log.triggers IS
    'Which definition version CloudEvents of these types start, for positions above from_position '
    'up to and with to_position (null: open). Activation has a place in the order of the stream.';

CREATE TABLE log.dead_letters (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace text COLLATE "C" NOT NULL,
    at        bigint NOT NULL DEFAULT log.now_ms_v1(),
    origin    text   NOT NULL,
    code      text   NOT NULL,
    reason    text   NOT NULL,
    headers   bytea  NOT NULL,
    body      bytea  NOT NULL
);
CREATE INDEX dead_letters_by_namespace ON log.dead_letters (namespace, id);
COMMENT ON TABLE log.dead_letters IS 'Messages that could not become a CloudEvent, with the reason.';
