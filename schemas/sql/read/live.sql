-- Which generation of the read side is live, and which is being built.
CREATE SCHEMA IF NOT EXISTS read;
CREATE TABLE IF NOT EXISTS read.generations (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    live int NOT NULL
);
INSERT INTO read.generations (live) VALUES (1) ON CONFLICT DO NOTHING;
