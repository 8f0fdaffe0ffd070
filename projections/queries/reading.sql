-- What stands around questions.

-- name: scanning
-- For a question that reads much of the tables, in its transaction: planned for its arguments, with
-- room to sort.
SET LOCAL enable_seqscan = on;
SET LOCAL plan_cache_mode = force_custom_plan;
SET LOCAL work_mem = '64MB'
