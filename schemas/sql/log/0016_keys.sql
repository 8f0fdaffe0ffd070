-- Keys of encrypted data.
SELECT log.grant_engine_v2();
