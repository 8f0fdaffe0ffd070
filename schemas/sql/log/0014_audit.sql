-- Who did what.
SELECT log.grant_engine_v2();
