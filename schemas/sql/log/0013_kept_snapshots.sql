-- Snapshots of the past.
SELECT log.grant_engine_v2();
