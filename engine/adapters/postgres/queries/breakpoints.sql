-- name: set
-- Store a breakpoint with its audit entry.
SELECT * FROM log.set_breakpoint_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
                                    $15, $16);

-- name: remove
-- Remove one with its audit entry.
SELECT * FROM log.remove_breakpoint_v1($1, $2, $3, $4);

-- name: get
-- One of a namespace.
SELECT * FROM log.breakpoints WHERE namespace = $1 AND id = $2;

-- name: page
-- Those of a namespace, the newest first; $4: the ended ones too.
SELECT * FROM log.breakpoints AS b
WHERE b.namespace = $1 AND b.id < $2
  AND ($4 OR (b.removed_at IS NULL AND b.expires_at > log.now_ms_v1()
              AND NOT (b.once AND b.hits > 0)))
ORDER BY b.id DESC LIMIT $3;

-- name: active
-- All that may hold something.
SELECT * FROM log.breakpoints AS b
WHERE b.removed_at IS NULL AND b.expires_at > log.now_ms_v1() AND NOT (b.once AND b.hits > 0)
ORDER BY b.id;

-- name: reached
-- An execution is held.
SELECT log.hit_breakpoint_v1($1, $2, $3);

-- name: remark
-- A condition had no boolean value.
SELECT log.remark_breakpoint_v1($1, $2, $3);
