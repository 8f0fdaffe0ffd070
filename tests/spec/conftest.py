"""One whole Refold for the session (`refold up`, embedded services), and the services it calls."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nats
import pytest

from server.embedded.throwaway import open_to_enter
from tests.integration.conftest import ROOT, Refold, end, launch
from tests.spec.background import Background
from tests.spec.bench import Bench
from tests.spec.stub import Stub

CANARY = "canary-7f3a9c51-of-the-vault"
ENVIRONMENT = {"REFOLD_SECRET_APITOKEN": CANARY, "REFOLD_SECRET_API_KEY": f"{CANARY}-key"}


@pytest.fixture(scope="session")
def background() -> Iterator[Background]:
    """A loop beside the tests."""
    running = Background()
    yield running
    running.close()


@pytest.fixture(scope="session")
def stub(background: Background) -> Iterator[Stub]:
    """The services that definitions call."""
    running = Stub(background)
    yield running
    running.close()


@pytest.fixture(scope="session")
def served() -> Iterator[Refold]:
    """`refold up` with the functions of examples/ and of these tests."""
    directory = open_to_enter(Path(tempfile.mkdtemp(prefix="refold-spec-")))
    functions = directory / "functions"
    functions.mkdir()
    for folder in (ROOT / "examples" / "functions", Path(__file__).parent / "functions"):
        for file in folder.glob("*.py"):
            shutil.copy(file, functions)
    arguments = ["up", "--data", str(directory / "data"), "--functions", str(functions)]
    places = ["--http", "127.0.0.1:0", "--nats", "127.0.0.1:0"]
    server = launch([*arguments, *places], directory / "log", **ENVIRONMENT)
    try:
        yield server
    finally:
        end(server)
        faults = (directory / "log").read_text()
        shutil.rmtree(directory, ignore_errors=True)
    assert "Traceback" not in faults, faults[-6000:]


@pytest.fixture
def bench(served: Refold, stub: Stub) -> Bench:
    """A namespace and a scope of the stub for this test alone."""
    return Bench(served, stub)


class Received:
    """Messages of a subject, as they come."""

    def __init__(self, background: Background, url: str, subject: str) -> None:
        self._background = background
        self._queue: asyncio.Queue[Any] = asyncio.Queue()
        self._connection = background.run(nats.connect(url))
        background.run(self._connection.subscribe(subject, cb=self._queue.put))
        background.run(self._connection.flush())

    def next(self) -> Any:
        """The next message; fails when none comes."""
        return self._background.run(asyncio.wait_for(self._queue.get(), 30))

    def publish(self, subject: str, payload: bytes, headers: dict[str, str] | None = None) -> None:
        """Send a message and wait until the stream has it."""
        stream = self._connection.jetstream()
        self._background.run(stream.publish(subject, payload, headers=headers))

    def close(self) -> None:
        """End the subscription."""
        self._background.run(self._connection.close())


@pytest.fixture
def listening(served: Refold, background: Background) -> Any:
    """Receive from a NATS subject within a `with`."""

    @contextmanager
    def listen(subject: str) -> Iterator[Received]:
        received = Received(background, served.nats, subject)
        try:
            yield received
        finally:
            received.close()

    return listen
