"""Pages of docs/ whose commands are run as they stand, and whose output is compared.

A page holds files (`<!-- file: NAME -->` before a fenced block) and sessions (`<!-- run -->` before
a block of `console`). Ids, times, durations and the place of a shard differ from run to run and are
left out; so is how lines are wrapped. An id that was printed stands for the page's in what follows,
the first time that it is.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.conftest import Refold, end, launch

ID = re.compile(r"(?:ex|ba)_[0-9a-z]{26}")
VARYING = [
    (ID, "ID"),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "TIME"),
    (re.compile(r"[\d.]+ (?:ms|s|min|h|d)\b(?: \d+ (?:s|min|h)\b)?"), "DURATION"),
    (re.compile(r"shard \d+: \S+"), "SHARD"),
    (re.compile(r"def_[0-9a-f]{64}"), "HASH"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "DIGEST"),
    (re.compile(r"\([0-9a-f]{12}\)"), "(DIGEST)"),
    (re.compile(r"\|[ =#]+\|"), "|BAR|"),
    (re.compile(r"and \d+ commits?\b"), "COMMITS"),
    (re.compile(r"\s+"), " "),
]
PATIENCE_S = 30.0
ONCE = (" start ", " publish ", " --yes")  # asking again would do it again


def steady(text: str) -> str:
    """The text without what differs from run to run."""
    for pattern, word in VARYING:
        text = pattern.sub(word, text)
    return text.strip()


def commands_of(block: str) -> list[tuple[str, str]]:
    """Each command with what is shown below it."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [(line, shown) for line, _, shown in (part.partition("\n") for part in parts)]


@contextmanager
def fresh_refold(directory: Path, *more: str) -> Iterator[Refold]:
    """A server that nobody else uses: a page shows positions and counts. `more`: of `refold up`."""
    places = ["--http", "127.0.0.1:0", "--nats", "127.0.0.1:0"]
    started = launch(["up", "--data", str(directory / "data"), *places, *more], directory / "log")
    try:
        yield started
    finally:
        assert end(started) == 0


class ConsolePage:
    """A page, with the folder that its files lie in and the server that its commands talk to."""

    def __init__(self, page: Path, directory: Path, url: str) -> None:
        text = page.read_text()
        self.runs = re.findall(r"<!-- run -->\n```console\n(.*?)```", text, re.DOTALL)
        self._directory = directory
        for name, body in re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", text, re.DOTALL):
            (directory / name).write_text(body)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        shape = {"COLUMNS": "120"}  # tables are cut to the width that the pages were made in
        self._environment = {**os.environ, "REFOLD_URL": url, "PATH": path, **shape}
        self._real: dict[str, str] = {}

    def check(self) -> None:
        """Run every command of the page; each prints what the page shows."""
        for block in self.runs:
            for line, shown in commands_of(block):
                self._check(line, shown)

    def _check(self, line: str, shown: str) -> None:
        asked = ID.sub(lambda found: self._real[found[0]], line)
        output = self._printed(asked)
        ends_at = time.monotonic() + PATIENCE_S
        while steady(output) != steady(shown) and time.monotonic() < ends_at:
            if any(word in line for word in ONCE):
                break
            output = self._printed(asked)  # the engine may be a moment behind
        assert steady(output) == steady(shown), f"$ {line}\n{output}"
        for id_shown, real in zip(ID.findall(shown), ID.findall(output), strict=True):
            self._real.setdefault(id_shown, real)

    def _printed(self, line: str) -> str:
        done = subprocess.run(
            ["/bin/sh", "-c", line], cwd=self._directory, env=self._environment,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout
