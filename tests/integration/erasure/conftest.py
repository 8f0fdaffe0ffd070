"""A whole Refold with master keys, and a look into everything that its database holds."""

import asyncio
import base64
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from server.embedded.throwaway import open_to_enter
from tests.integration.conftest import Refold, end, launch


def master_key(name: str) -> str:
    return f"{name}:{base64.b64encode(os.urandom(32)).decode()}\n"


class Vault:
    """A Refold over one data directory, which can be killed and started again."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.keys = directory / "master.keys"
        self.keys.write_text("# first\n\n" + master_key("one"))
        self.keys.chmod(0o644)

    def start(self, **environment: str) -> Refold:
        given = {
            "REFOLD_MASTER_KEY_FILE": str(self.keys), "REFOLD_SHARDS": "4",
            "REFOLD_LEASE_TTL_MS": "2000", **environment,
        }  # fmt: skip
        places = ["--data", str(self.directory / "data"), "--http", "127.0.0.1:0"]
        self.refold = launch(
            ["up", *places, "--nats", "127.0.0.1:0"], self.directory / "log", **given
        )
        return self.refold


@pytest.fixture(scope="module")
def vault() -> Iterator[Vault]:
    directory = open_to_enter(Path(tempfile.mkdtemp(prefix="refold-vault-")))
    vault = Vault(directory)
    vault.start()
    try:
        yield vault
    finally:
        end(vault.refold)
        faults = (directory / "log").read_text()
        shutil.rmtree(directory, ignore_errors=True)
    assert "fault while answering" not in faults, faults[-6000:]


@pytest.fixture
def found_in_database() -> Callable[[str, str], set[str]]:
    """Tables in which a text stands somewhere, however it is stored."""

    async def look(database: str, text: str) -> set[str]:
        session = await asyncpg.connect(database)
        try:
            tables = await session.fetch(
                "SELECT n.nspname AS schema, c.relname AS name FROM pg_class AS c"
                " JOIN pg_namespace AS n ON n.oid = c.relnamespace"
                " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition"
                " AND (n.nspname = 'log' OR n.nspname LIKE 'read%')"
            )
            found = set()
            for table in tables:
                place = f'{table["schema"]}."{table["name"]}"'
                if await session.fetchval(_HOLDS.format(place), f"%{text}%", text.encode().hex()):
                    found.add(place)
            return found
        finally:
            await session.close()

    return lambda database, text: asyncio.run(look(database, text))


_HOLDS = (
    "SELECT EXISTS (SELECT 1 FROM {} AS t WHERE t::text LIKE $1 OR t::text LIKE '%' || $2 || '%')"
)


@pytest.fixture
def audited() -> Callable[[str, str], list[str]]:
    """What the audit stream of a namespace says was done, in order."""

    async def read(database: str, namespace: str) -> list[str]:
        session = await asyncpg.connect(database)
        try:
            rows = await session.fetch(
                "SELECT action FROM log.audit WHERE namespace = $1 ORDER BY position", namespace
            )
            return [row["action"] for row in rows]
        finally:
            await session.close()

    return lambda database, namespace: asyncio.run(read(database, namespace))
