-- Statistics of a workflow, for each of its versions. Percentiles are exact. What a fork or an
-- import begins with happened elsewhere and does not count, nor does a rehearsal.

-- name: executions
-- Executions of a workflow: how they ended, how long those took that were completed. Imports, of
-- which more is copied than a fork would, are none of this installation's.
SELECT e.version,
       count(*) AS started,
       count(*) FILTER (WHERE e.status = 'completed') AS completed,
       count(*) FILTER (WHERE e.status = 'failed') AS failed,
       count(*) FILTER (WHERE e.status = 'cancelled') AS cancelled,
       count(*) FILTER (WHERE e.closed_at IS NULL) AS running,
       percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY e.closed_at - e.started_at)
           FILTER (WHERE e.status = 'completed' AND e.copied_upto = 0) AS durations
FROM {read}.executions AS e
WHERE e.namespace = $1 AND e.workflow = $2 AND NOT e.rehearsed
  AND e.copied_upto <= COALESCE(e.forked_at, 0)
  AND ($3::text IS NULL OR e.version = $3)
  AND ($4::bigint IS NULL OR e.started_at >= $4)
  AND ($5::bigint IS NULL OR e.started_at < $5)
GROUP BY e.version
ORDER BY max(e.execution_id::text) DESC
LIMIT 100

-- name: states
-- How often each state was entered, how it ended, how long it took.
SELECT e.version, s.name, s.type,
       min(s.node) AS node,
       count(*) AS count,
       count(*) FILTER (WHERE s.outcome = 'failed') AS failures,
       count(*) FILTER (WHERE s.left_at IS NULL) AS open,
       percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY s.left_at - s.entered_at)
           FILTER (WHERE s.left_at IS NOT NULL) AS durations
FROM {read}.executions AS e
JOIN {read}.scopes AS s ON s.execution_id = e.execution_id
WHERE e.namespace = $1 AND e.workflow = $2 AND NOT e.rehearsed
  AND ($3::text IS NULL OR e.version = $3)
  AND ($4::bigint IS NULL OR e.started_at >= $4)
  AND ($5::bigint IS NULL OR e.started_at < $5)
  AND s.kind = 'state' AND s.frame > e.copied_upto
GROUP BY e.version, s.name, s.type

-- name: retries
-- How often a call was made again, by the state in which it was.
SELECT e.version, CASE WHEN s.kind = 'state' THEN s.name ELSE p.name END AS name,
       count(*) AS retries
FROM {read}.attempts AS a
JOIN {read}.executions AS e ON e.execution_id = a.execution_id
JOIN {read}.scopes AS s ON s.execution_id = a.execution_id AND s.frame = a.frame
LEFT JOIN {read}.scopes AS p ON p.execution_id = s.execution_id AND p.frame = s.parent
WHERE a.attempt > 1
  AND e.namespace = $1 AND e.workflow = $2 AND NOT e.rehearsed
  AND ($3::text IS NULL OR e.version = $3)
  AND ($4::bigint IS NULL OR e.started_at >= $4)
  AND ($5::bigint IS NULL OR e.started_at < $5)
  AND a.seq > e.copied_upto
GROUP BY 1, 2
