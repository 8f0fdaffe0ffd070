"""docs/why.md, done as it stands: each command is run, and what it prints is what the page shows.

Ids, times, durations and the place of the shard differ from run to run and are left out; so is how
lines are wrapped.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import Refold, end, launch

PAGE = (Path(__file__).parents[2] / "docs" / "why.md").read_text()
FILES = re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
RUNS = re.findall(r"<!-- run -->\n```console\n(.*?)```", PAGE, re.DOTALL)
ID = re.compile(r"ex_[0-9a-z]{26}")
VARYING = [
    (ID, "ID"),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "TIME"),
    (re.compile(r"\d+ (?:ms|s|min|h|d)\b(?: \d+ (?:s|min|h)\b)?"), "DURATION"),
    (re.compile(r"shard \d+: \S+"), "SHARD"),
    (re.compile(r"def_[0-9a-f]{64}"), "HASH"),
    (re.compile(r"\s+"), " "),
]
PATIENCE_S = 30.0


def steady(text: str) -> str:
    """The text without what differs from run to run."""
    for pattern, word in VARYING:
        text = pattern.sub(word, text)
    return text.strip()


def commands_of(block: str) -> list[tuple[str, str]]:
    """Each command with what is shown below it."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [(line, shown) for line, _, shown in (part.partition("\n") for part in parts)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Refold, Path]]:
    directory = Path(tmp_path_factory.mktemp("why"))
    places = ["--http", "127.0.0.1:0", "--nats", "127.0.0.1:0"]
    started = launch(["up", "--data", str(directory / "data"), *places], directory / "log")
    try:
        yield started, directory
    finally:
        assert end(started) == 0


def test_what_the_page_shows_is_what_is_printed(server: tuple[Refold, Path]) -> None:
    refold, directory = server
    for name, text in FILES:
        (directory / name).write_text(text)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "REFOLD_URL": refold.url, "PATH": path}
    real: dict[str, str] = {}
    assert len(RUNS) == 5

    def printed(line: str) -> str:
        done = subprocess.run(
            ["/bin/sh", "-c", line], cwd=directory, env=environment, capture_output=True,
            text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout

    for block in RUNS:
        for line, shown in commands_of(block):
            asked = ID.sub(lambda found: real[found[0]], line)
            output = printed(asked)
            ends_at = time.monotonic() + PATIENCE_S
            while steady(output) != steady(shown) and time.monotonic() < ends_at:
                if " start " in line or " publish " in line:
                    break  # asking again would do it again
                output = printed(asked)  # the engine may be a moment behind
            assert steady(output) == steady(shown), f"$ {line}"
            real.update(zip(ID.findall(shown), ID.findall(output), strict=True))
