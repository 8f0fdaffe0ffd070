-- Which generation of the read side is live, and which is being built.
CREATE SCHEMA IF NOT EXISTS read;
CREATE TABLE IF NOT EXISTS read.generations (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    live int NOT NULL
);
INSERT INTO read.generations (live) VALUES (1) ON CONFLICT DO NOTHING;

-- An API that logs in as the engine's role answers from these tables.
DO $$
BEGIN
    IF to_regrole('refold_engine') IS NOT NULL
        AND NOT has_schema_privilege('refold_engine', 'read', 'USAGE') THEN
        GRANT USAGE ON SCHEMA read TO refold_engine;
        GRANT SELECT ON ALL TABLES IN SCHEMA read TO refold_engine;
    END IF;
END
$$;
