"""Postgres and NATS for one Refold: the given ones, and embedded ones for what is not given."""

import os
from contextlib import AsyncExitStack
from pathlib import Path

from server.embedded.nats import EmbeddedNats
from server.embedded.postgres import EmbeddedPostgres

DATABASE_VARIABLE = "REFOLD_DATABASE_URL"
NATS_VARIABLE = "REFOLD_NATS_URL"


class EmbeddedServices:
    """Starts on entering, stops on leaving, what the environment does not name.

    `postgres` and `nats` are the embedded servers; None where the environment gave one.
    """

    def __init__(self, data_dir: Path, nats_host: str = "127.0.0.1", nats_port: int = 0) -> None:
        self._given_database_url = os.environ.get(DATABASE_VARIABLE)
        self._given_nats_url = os.environ.get(NATS_VARIABLE)
        self.postgres = None if self._given_database_url else EmbeddedPostgres(data_dir)
        self.nats = None if self._given_nats_url else EmbeddedNats(data_dir, nats_host, nats_port)
        self._stack = AsyncExitStack()

    @property
    def database_url(self) -> str:
        """As asyncpg and libpq take it."""
        return self.postgres.url if self.postgres else self._given_database_url or ""

    @property
    def nats_url(self) -> str:
        return self.nats.url if self.nats else self._given_nats_url or ""

    async def __aenter__(self) -> "EmbeddedServices":
        async with AsyncExitStack() as stack:
            for service in (self.postgres, self.nats):
                if service is not None:
                    await stack.enter_async_context(service)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
