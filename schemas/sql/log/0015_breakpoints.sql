-- Breakpoints.
SELECT log.grant_engine_v2();
