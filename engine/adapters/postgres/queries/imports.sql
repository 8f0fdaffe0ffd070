-- name: stage
-- Keep a page of an import.
SELECT log.stage_import_v1($1, $2, $3, $4);

-- name: page
-- The page that begins with a seq.
SELECT page FROM log.staged_imports WHERE execution_id = $1 AND first_seq = $2;

-- name: accept
-- Put an import into its inbox, once for its key.
SELECT execution_id, existed FROM log.accept_import_v1($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: drop
-- Forget the pages of an import.
SELECT log.drop_import_v1($1);
