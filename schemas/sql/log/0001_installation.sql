-- The installation, its engines, and one head row per shard.

-- Functions of one expression have no search_path of their own: their names are bound when they are
-- made, and only without it they become part of the statement that calls them; with it each call is
-- planned anew.
CREATE FUNCTION log.now_ms_v1() RETURNS bigint
LANGUAGE sql VOLATILE
RETURN floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint;

COMMENT ON FUNCTION log.now_ms_v1() IS
    'Milliseconds since 1970 by the clock of the database, the only clock of the log.';

CREATE TABLE log.meta (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    cluster_id      uuid    NOT NULL,
    shards          integer NOT NULL CHECK (shards BETWEEN 1 AND 4096),
    chain_version   integer NOT NULL,
    callback_secret bytea   NOT NULL,
    created_at      bigint  NOT NULL DEFAULT log.now_ms_v1()
);
COMMENT ON TABLE log.meta IS
    'What is fixed for the life of the installation. The number of shards is part of every id.';
COMMENT ON COLUMN log.meta.callback_secret IS
    'Key of the callback tokens: 32 bytes, hashed from the random parts of four version 4 UUIDs.';

INSERT INTO log.meta (cluster_id, shards, chain_version, callback_secret)
VALUES (
    gen_random_uuid(),
    coalesce(nullif(current_setting('refold.shards', true), ''), '64')::integer,
    1,
    sha256(
        uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
        || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
    )
);

-- Text in keys compares by its bytes (collation C): an index must not rest on a library's idea of
-- order, which changes with its version.
CREATE TABLE log.engines (
    engine     text COLLATE "C" PRIMARY KEY CHECK (octet_length(engine) <= 48),
    expires_at bigint NOT NULL
) WITH (fillfactor = 20);
COMMENT ON TABLE log.engines IS
    'Engines that live: each says so again before expires_at (milliseconds since 1970).';

CREATE TABLE log.shards (
    shard         integer PRIMARY KEY,
    owner         text,
    epoch         bigint  NOT NULL DEFAULT 0,
    expires_at    bigint  NOT NULL DEFAULT 0,
    last_position bigint  NOT NULL DEFAULT 0,
    commit_no     bigint  NOT NULL DEFAULT 0,
    hash          bytea   NOT NULL
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0.5);
COMMENT ON TABLE log.shards IS
    'The head row of each shard: lease, fence (epoch), position counter and head of the chain. '
    'Whoever appends holds its row lock to the commit, so positions become visible in order.';

-- The hash before the first commit names installation and shard: a splice from elsewhere shows.
INSERT INTO log.shards (shard, hash)
SELECT
    number,
    sha256(convert_to(format('refold-chain-1|%s|%s', meta.cluster_id, number), 'UTF8'))
FROM log.meta AS meta, generate_series(0, meta.shards - 1) AS number;

CREATE FUNCTION log.mint_execution_v1(p_shard integer) RETURNS uuid
LANGUAGE sql VOLATILE
RETURN encode(
    substring(int8send(log.now_ms_v1()) FROM 3)
    || int2send((28672 + p_shard)::smallint)
    || substring(uuid_send(gen_random_uuid()) FROM 9),
    'hex'
)::uuid;

COMMENT ON FUNCTION log.mint_execution_v1(integer) IS
    'A new execution id in the layout of UUIDv7: 48 bits of milliseconds, version 7, the shard in '
    'the 12 bits of rand_a, variant, 62 random bits. So partition and shard follow from the id.';
