-- name: register
-- A reader that is new stands at 0 in every shard, which holds back retention.
INSERT INTO log.readers (reader, shard, position)
SELECT $1, s.shard, 0 FROM log.shards AS s
ON CONFLICT (reader, shard) DO NOTHING;

-- name: positions
-- How far a reader is, in each shard.
SELECT shard, position FROM log.readers WHERE reader = $1 ORDER BY shard;

-- name: advance
-- Remember how far a reader is; it never goes back.
INSERT INTO log.readers AS mine (reader, shard, position) VALUES ($1, $2, $3)
ON CONFLICT (reader, shard) DO UPDATE SET position = greatest(mine.position, excluded.position);
