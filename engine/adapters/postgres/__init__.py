"""The ports kept in Postgres, through asyncpg."""
