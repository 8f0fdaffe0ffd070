"""Fixtures for all tests: real servers of our own, fresh databases, the specification corpus.

With REFOLD_DATABASE_URL or REFOLD_NATS_URL set, those servers are used instead. Under pytest-xdist
each worker is a session, so each has servers of its own.
"""

import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio

from server.embedded import EmbeddedNats, EmbeddedPostgres
from server.embedded.throwaway import open_to_enter

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def session_dir() -> Iterator[Path]:
    """A directory for servers of the session; not below pytest's own, which only we may enter."""
    directory = open_to_enter(Path(tempfile.mkdtemp(prefix="refold-tests-")))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def service_dir() -> Iterator[Path]:
    """A directory for servers of one test."""
    directory = Path(tempfile.mkdtemp(prefix="refold-test-"))
    yield directory
    for pointer in directory.rglob("postgres-home"):
        shutil.rmtree(pointer.resolve(), ignore_errors=True)
    shutil.rmtree(directory, ignore_errors=True)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_url(session_dir: Path) -> AsyncIterator[str]:
    """The session's Postgres, as its superuser. Prefer `database`, which is yours alone."""
    given = os.environ.get("REFOLD_DATABASE_URL")
    if given:
        yield given
        return
    async with EmbeddedPostgres(session_dir) as postgres:
        yield postgres.url


@pytest_asyncio.fixture
async def database(postgres_url: str) -> AsyncIterator[str]:
    """The URL of a fresh, empty database; dropped afterwards, open connections or not."""
    name = f"test_{uuid.uuid4().hex}"
    server = await asyncpg.connect(postgres_url)
    try:
        await server.execute(f'CREATE DATABASE "{name}"')
        yield urlsplit(postgres_url)._replace(path=f"/{name}").geturl()
        await server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await server.close()


@pytest_asyncio.fixture
async def postgres_server(service_dir: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A Postgres for this test alone, to be killed and restarted."""
    async with EmbeddedPostgres(service_dir) as postgres:
        yield postgres


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def nats_url(session_dir: Path) -> AsyncIterator[str]:
    """The session's NATS. Its streams are shared: use subjects and names of your own."""
    given = os.environ.get("REFOLD_NATS_URL")
    if given:
        yield given
        return
    async with EmbeddedNats(session_dir) as nats:
        yield nats.url


@pytest_asyncio.fixture
async def nats_server(service_dir: Path) -> AsyncIterator[EmbeddedNats]:
    """A NATS for this test alone, empty, to be killed and restarted."""
    async with EmbeddedNats(service_dir) as nats:
        yield nats


@pytest.fixture(scope="session")
def spec_corpus() -> Path:
    """The third-party specification corpus (REFOLD_SPEC_DIR, by default beside the checkout)."""
    directory = Path(os.environ.get("REFOLD_SPEC_DIR") or ROOT.parent / "shared" / "spec")
    if not directory.is_dir():
        message = f"no specification corpus in {directory}; set REFOLD_SPEC_DIR to it"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return directory
