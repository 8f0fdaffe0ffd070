"""The README's first workflow, done as it stands: only the ports are others, and the id is real.

`make install` is not run again: the environment that runs this test is what it makes.
"""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import Refold, end, launch

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"<!-- test: ([\w. ]+) -->\n```\w+\n(.*?)```", re.DOTALL)
BLOCKS = BLOCK.findall(README)
HTTP, NATS = "127.0.0.1:7070", "127.0.0.1:4222"


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


class Shell:
    """A directory with `.venv/bin/refold` in it, and a server beside it."""

    def __init__(self, directory: Path, server: Refold) -> None:
        self.directory = directory
        self._server = server
        self._environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("REFOLD_")},
            "REFOLD_URL": server.url,
        }

    def run(self, text: str) -> list[str]:
        """Run the block command by command; what each printed."""
        commands = text.replace("\\\n", " ").replace(f"http://{HTTP}", self._server.url)
        return [self._command(line) for line in commands.splitlines() if line.strip()]

    def _command(self, line: str) -> str:
        done = subprocess.run(
            ["/bin/sh", "-c", line], cwd=self.directory, env=self._environment,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """The server of the README's first block, on free ports."""
    (text,) = [body for kind, body in BLOCKS if kind == "server"]
    install, up = text.splitlines()
    assert install == "make install"
    assert re.search(r"^install:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    program, *arguments = up.split()
    assert program == ".venv/bin/refold"
    places = {HTTP: free_address(), NATS: free_address()}
    directory = Path(tmp_path_factory.mktemp("readme"))
    data = directory.resolve() / ".refold"
    given = [str(data) if one == ".refold" else places.get(one, one) for one in arguments]
    assert set(places.values()) < set(given)
    binaries = directory / ".venv" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "refold").symlink_to(Path(sys.executable).parent / "refold")
    server = launch(given, directory / "log")
    try:
        yield Shell(directory, server)
    finally:
        assert end(server) == 0


def test_the_first_workflow_greets_whoever_the_cloudevent_names(shell: Shell) -> None:
    (file,) = [(kind, body) for kind, body in BLOCKS if kind.startswith("file ")]
    (shell.directory / file[0].removeprefix("file ")).write_text(file[1])
    first, then = [body for kind, body in BLOCKS if kind == "shell"]
    applied, receipt, listed = shell.run(first)
    assert "hello" in applied
    assert json.loads(receipt)["receipts"][0]["outcome"] == "stored"
    execution = execution_in(shell, listed)
    events, at, replayed, verified = shell.run(then.replace("ex_...", execution))
    assert "ExecutionCompleted" in events, events
    assert "Ada" in at, events
    assert "equal" in replayed
    assert "intact" in verified
    shown = json.loads(shell.run(f".venv/bin/refold exec get {execution} -o json")[0])
    assert shown["output"] == {"greeting": "Hello, Ada"}
    again = shell.run(first)[1]
    assert json.loads(again)["receipts"][0]["outcome"] == "duplicate"
    assert shell.run(".venv/bin/refold exec ls -o ids")[0].split() == [execution]


def execution_in(shell: Shell, listed: str) -> str:
    """The id in the list; the projection may be a moment behind."""
    for _ in range(200):
        if found := re.search(r"ex_\w+", listed):
            return found[0]
        (listed,) = shell.run(".venv/bin/refold exec ls")
    raise AssertionError("no execution came of the CloudEvent")
