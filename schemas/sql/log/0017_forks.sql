-- Accepting forks.
SELECT log.grant_engine_v2();
