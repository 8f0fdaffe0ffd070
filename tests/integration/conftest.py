"""A whole Refold for the session: `refold up` as a program of its own, asked over HTTP."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from server.embedded.throwaway import open_to_enter

ROOT = Path(__file__).resolve().parents[2]
REFOLD = (sys.executable, "-m", "server.cli.main")
START_S = 90.0

GREET = """
id: {id}
version: "1.0"
specVersion: "0.8"
name: Greet
start: Greet
states:
  - name: Greet
    type: inject
    data: {greeting: hello}
    end: true
"""

NAP = """
id: {id}
version: "1.0"
specVersion: "0.8"
name: Nap
start: Nap
states:
  - name: Nap
    type: sleep
    duration: {duration}
    end: true
"""


@dataclass
class Reply:
    """An answer of the server."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Refold:
    """A running server."""

    url: str
    nats: str
    database: str
    process: "subprocess.Popen[bytes]"
    headers: dict[str, str] = field(default_factory=dict)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | str | dict[str, Any] | list[Any] | None = None,
        headers: dict[str, str] | None = None,
        namespace: str | None = "default",
    ) -> Reply:
        """One request on a connection of its own; a path of the namespace unless that is None."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        sent = {**self.headers, **(headers or {})}
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        target = path if namespace is None else f"/v1/namespaces/{namespace}{path}"
        try:
            connection.request(method, target, body, sent)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, found, response.read())
        finally:
            connection.close()

    def apply(self, text: str) -> str:
        """Apply a definition under an id of its own; returns the id."""
        ident = f"wf-{uuid.uuid4().hex[:12]}"
        reply = self.ask(
            "POST",
            "/definitions",
            text.replace("{id}", ident),
            {"Content-Type": "application/yaml"},
        )
        assert reply.status == 201, reply.body
        return ident

    def start(self, workflow: str, wait_s: int = 0, **members: Any) -> Any:
        """Start an execution."""
        headers = {"Prefer": f"wait={wait_s}"} if wait_s else {}
        reply = self.ask("POST", "/executions", {"workflow": workflow, **members}, headers)
        assert reply.status in (200, 201), reply.body
        return reply.json

    def cli(self, *arguments: str, stdin: bytes = b"", **environment: str) -> Reply:
        """Run a command; `status` is its exit code, `body` what it printed."""
        done = subprocess.run(
            [*REFOLD, *arguments],
            input=stdin,
            capture_output=True,
            timeout=120,
            cwd=ROOT,
            env={**os.environ, "REFOLD_URL": self.url, **environment},
            check=False,
        )
        return Reply(done.returncode, {"stderr": done.stderr.decode()}, done.stdout)


def launch(arguments: list[str], log: Path, **environment: str) -> Refold:
    """Start `refold ARGUMENTS -o json` and wait for its ready line."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("REFOLD_")}
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [*REFOLD, *arguments, "-o", "json"],
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=ROOT,
            env={**clean, **environment},
        )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        process.wait(10)
        pytest.fail(f"refold {' '.join(arguments)} did not start: {log.read_text()[-3000:]}")
    places = json.loads(line)
    assert places["pid"] == process.pid
    return Refold(places["http"], places["nats"], places["database"], process)


def end(refold: Refold) -> int:
    """SIGTERM; the exit code."""
    refold.process.send_signal(signal.SIGTERM)
    try:
        return refold.process.wait(60)
    except subprocess.TimeoutExpired:
        refold.process.kill()
        raise


@pytest.fixture(scope="session")
def refold() -> Iterator[Refold]:
    """All roles with embedded services."""
    directory = open_to_enter(Path(tempfile.mkdtemp(prefix="refold-up-")))
    arguments = ["up", "--data", str(directory / "data")]
    places = ["--http", "127.0.0.1:0", "--nats", "127.0.0.1:0"]
    server = launch([*arguments, *places], directory / "log")
    try:
        yield server
    finally:
        end(server)
        faults = (directory / "log").read_text()
        shutil.rmtree(directory, ignore_errors=True)
    assert "fault while answering" not in faults, faults[-6000:]


@pytest.fixture(scope="session")
def greet(refold: Refold) -> str:
    """A workflow that ends at once."""
    return refold.apply(GREET)


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any]], Any]:
    """Ask again until the answer is true; fail after a time that no machine needs."""

    def wait(question: Callable[[], Any], within_s: float = 30.0) -> Any:
        ends_at = time.monotonic() + within_s
        while time.monotonic() < ends_at:
            answer = question()
            if answer:
                return answer
            time.sleep(0.05)
        return pytest.fail("it did not happen in time")

    return wait
