"""`refold exec fork|redrive --all`."""

import json
import os
import pty
import subprocess

import pytest

from tests.integration.api.bulk_cases import MENDED, apply, failed, made_by
from tests.integration.conftest import REFOLD, ROOT


def test_what_failed_is_redriven_under_the_mended_version(refold, eventually):
    name, sources = failed(refold, 3)
    apply(refold, MENDED.replace("{id}", name))
    every = ("--all", "--workflow", name, "--status", "failed")
    tried = refold.cli("exec", "redrive", *every, "--dry-run")
    assert tried.status == 0, tried
    assert b"3 executions to redrive, 3 tried" in tried.body
    assert b"'pay' is to be called for real [live_call]" in tried.body
    state = ("--at", "failed-state", "--version", "2")
    run = refold.cli("exec", "fork", *every, *state, "--reason", "mended", "--yes", "-o", "json")
    assert run.status == 0, run
    found = json.loads(run.body)
    assert (found["count"], found["forked"], found["skipped"]) == (3, 3, [])
    made = made_by(refold, found["batch"], eventually, 3)
    assert {one["status"] for one in made} == {"completed"}
    listed = refold.cli("exec", "ls", "--batch", found["batch"], "-o", "ids")
    assert sorted(listed.body.decode().split()) == sorted(one["id"] for one in made)
    key = ("--idempotency-key", f"{name}-1", "--reason", "once more", "--yes")
    first, again = (refold.cli("exec", "redrive", *every, *key) for _ in range(2))
    assert b"redriven 3 of 3" in first.body
    assert b"before   3, under the same key" in again.body
    batch = next(line for line in first.body.splitlines() if line.startswith(b"batch"))
    assert batch in again.body
    assert sources


def test_a_single_fork_says_how_it_compares(refold):
    name, (source,) = failed(refold, 1)
    shown = refold.cli("exec", "redrive", source)
    made = next(word for word in shown.body.decode().split() if word.startswith("ex_"))
    assert f"refold exec compare {source} {made}" in shown.body.decode()
    mocks = json.dumps({"pay": [{"result": {}}]})
    ended = refold.cli("exec", "fork", source, "--at", "failed-state", "--mocks", mocks,
                       "--wait", "20")  # fmt: skip
    assert ended.status == 0, ended
    assert "compared  the first 5 events are one and the same; they part" in ended.body.decode()
    assert name


def test_bulk_needs_to_be_meant(refold):
    cases = [
        (("--all", "--reason", "r", "--yes"), "needs a filter"),
        (("--all", "--workflow", "w", "--yes"), "needs a --reason"),
        (("--all", "--workflow", "w", "--reason", "r"), "say --yes"),
        (("--all", "--workflow", "w", "--reason", "r", "--yes", "--name", "n"), "--name"),
        (("--all", "--workflow", "w", "--reason", "r", "--yes", "--wait", "1"), "--wait"),
        (("--all", "ex_1", "--workflow", "w"), "one of them"),
        (("ex_1", "--workflow", "w"), "go with --all"),
        ((), "one of them"),
    ]
    for arguments, words in cases:
        run = refold.cli("exec", "redrive", *arguments)
        assert run.status == 2, arguments
        assert words in run.headers["stderr"], arguments


@pytest.mark.parametrize(("answer", "status", "forks"), [(b"n\n", 1, 0), (b"y\n", 0, 2)])
def test_on_a_terminal_it_shows_the_count_and_asks(refold, eventually, answer, status, forks):
    name, _ = failed(refold, 2)
    counted = f"/executions/count?workflow={name}"
    eventually(lambda: refold.ask("GET", f"{counted}&status=failed").json["count"] == 2)
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer)
        run = subprocess.run(
            [*REFOLD, "exec", "redrive", "--all", "--workflow", name, "--reason", "r"],
            stdin=theirs, capture_output=True, timeout=120, cwd=ROOT, check=False,
            env={**os.environ, "REFOLD_URL": refold.url},
        )  # fmt: skip
    finally:
        os.close(ours)
        os.close(theirs)
    assert run.returncode == status, run
    assert b"redrive 2 executions?" in run.stderr
    assert eventually(lambda: refold.ask("GET", counted).json["count"] == 2 + forks)
