"""docker-compose.yml without Docker: read as Compose reads it, its services started as programs."""
