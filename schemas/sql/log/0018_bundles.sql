-- Imported executions.
SELECT log.grant_engine_v2();
