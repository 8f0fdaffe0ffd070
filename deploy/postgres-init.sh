#!/bin/sh
# Runs once, when the database is made (docker-entrypoint-initdb.d), as its superuser: the owner of the
# tables, and the login of engines and API. What the latter may do is granted by the owner's migrations
# (schemas/sql/log/0011_roles.sql): read everything, append by functions, change or delete no event.
set -eu

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 \
  --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
  --set database="$POSTGRES_DB" --set owner="$OWNER_PASSWORD" --set engine="$ENGINE_PASSWORD" <<'END'
CREATE ROLE refold LOGIN PASSWORD :'owner';
CREATE ROLE refold_engine LOGIN PASSWORD :'engine';
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO refold_engine;
ALTER DATABASE :"database" OWNER TO refold;
END
