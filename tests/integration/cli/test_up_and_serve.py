"""`refold up` and `serve` as programs: ready line, clean end, nothing left, roles apart."""

import json
import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from server.embedded.throwaway import throwaway_folder
from tests.integration.conftest import GREET, NAP, Refold, end, launch

SLOW = """
import pathlib, time

def nap(arguments):
    pathlib.Path(__file__).with_name("began").touch()
    time.sleep(arguments["s"])
    return {"slept": arguments["s"]}
"""

NAPS = """
id: {id}
version: "1.0"
specVersion: "0.8"
start: Nap
functions: [{name: nap, type: custom, operation: "python:slow:nap"}]
states:
  - name: Nap
    type: operation
    actions: [{functionRef: {refName: nap, arguments: {s: "${ .s }"}}}]
    end: true
"""


FATAL = """
import os, pathlib

def end(arguments):
    told = pathlib.Path(__file__).with_name("ended")
    if arguments.get("once") and told.exists():
        return {"ended": False}
    told.touch()
    os._exit(3)
"""

ENDS = """
id: {id}
version: "1.0"
specVersion: "0.8"
start: End
functions: [{name: end, type: custom, operation: "python:fatal:end"}]
errors: [{name: lost, code: worker.lost}]
retries: [{name: again, maxAttempts: 3, delay: PT1S}]
states:
  - name: End
    type: operation
    actions: [{functionRef: {refName: end, arguments: {once: "${ .once }"}}RETRY}]
    onErrors: [{errorRef: lost, transition: Caught}]
    end: true
  - name: Caught
    type: inject
    data: {caught: true}
    end: true
"""


@pytest.fixture
def place():
    with throwaway_folder("refold-up-") as folder:
        yield folder


def _up(place: Path, **environment: str) -> Refold:
    arguments = ["up", "--data", str(place / "data"), "--http", "127.0.0.1:0"]
    return launch([*arguments, "--nats", "127.0.0.1:0"], place / "log", **environment)


def test_it_ends_cleanly_on_sigterm_and_leaves_nothing_running(place):
    server = _up(place)
    assert server.url.startswith("http://127.0.0.1:")
    assert server.nats.startswith("nats://127.0.0.1:")
    children = psutil.Process(server.process.pid).children(recursive=True)
    assert {"postgres", "nats-server"} <= {child.name() for child in children}
    assert end(server) == 0
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []


def test_a_second_one_on_the_same_folder_is_refused_in_words(place):
    server = _up(place)
    try:
        again = server.cli("up", "--data", str(place / "data"), "--http", "127.0.0.1:0")
        assert again.status == 1
        assert "in use by another Refold" in again.headers["stderr"]
    finally:
        end(server)


def test_an_address_that_is_taken_is_told_and_nothing_is_left(place, refold):
    taken = refold.url.removeprefix("http://")
    data = str(place / "data")
    reply = refold.cli("up", "--data", data, "--http", taken, "--nats", "127.0.0.1:0")
    assert reply.status == 1
    assert "cannot listen" in reply.headers["stderr"]
    assert not (place / "data").exists(), "found out before anything was made"
    folders = [one.info["cwd"] or "" for one in psutil.process_iter(["cwd"])]
    assert not [folder for folder in folders if folder.startswith(data)]


def test_without_keys_it_does_not_listen_beyond_loopback(place, refold):
    data = str(place / "data")
    reply = refold.cli("up", "--data", data, "--http", "0.0.0.0:0", "--nats", "127.0.0.1:0")
    assert reply.status == 2
    assert "REFOLD_API_KEYS_FILE" in reply.headers["stderr"]
    assert not (place / "data").exists()


@pytest.mark.parametrize("data", ["/etc/hostname", "/proc/nowhere"])
def test_a_folder_that_cannot_be_is_told_in_one_sentence(refold, data):
    reply = refold.cli("up", "--data", data, "--http", "127.0.0.1:0", "--nats", "127.0.0.1:0")
    assert (reply.status, reply.headers["stderr"].count("\n")) == (1, 1)
    assert f"{data} cannot be the folder of the data" in reply.headers["stderr"]


def _napping(place: Path, seconds: float) -> tuple[Refold, str]:
    """A server in which a function runs, and the execution that called it."""
    functions = place / "functions"
    functions.mkdir()
    (functions / "slow.py").write_text(SLOW)
    server = _up(place, REFOLD_FUNCTIONS_DIR=str(functions))
    execution = server.start(server.apply(NAPS), input={"s": seconds})["id"]
    _until(functions / "began")
    (functions / "began").unlink()
    return server, execution


def test_an_action_that_runs_ends_before_the_server_does(place):
    server, execution = _napping(place, 3.0)
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(30) == 0
    assert "finishing actions (up to 10 s), again to stop at once" in (place / "log").read_text()
    again = _up(place, REFOLD_FUNCTIONS_DIR=str(place / "functions"))
    try:
        found = again.ask("GET", f"/executions/{execution}", headers={"Prefer": "wait=30"}).json
        assert (found["status"], found["output"]["slept"]) == ("completed", 3.0)
        assert not (place / "functions" / "began").exists(), "its answer was committed: it ran once"
    finally:
        end(again)


def test_a_second_signal_stops_at_once_and_leaves_nothing_running(place):
    server, _ = _napping(place, 60.0)
    children = psutil.Process(server.process.pid).children(recursive=True)
    server.process.send_signal(signal.SIGINT)
    _until_told(place / "log", "again to stop at once")
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(30) == 128 + signal.SIGINT
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []


def test_a_function_that_ends_its_interpreter_ends_its_worker_alone(place):
    functions = place / "functions"
    functions.mkdir()
    (functions / "fatal.py").write_text(FATAL)
    server = _up(place, REFOLD_FUNCTIONS_DIR=str(functions))
    try:
        caught = server.apply(ENDS.replace("RETRY", ""))
        retried = server.apply(ENDS.replace("RETRY", ", retryRef: again"))
        lost = server.start(caught, input={"once": False})["id"]
        _until(functions / "ended")
        again = server.start(retried, input={"once": True})["id"]
        other = server.start(server.apply(GREET), wait_s=30)
        assert other["status"] == "completed", "the engine and the API go on"
        assert _outcome(server, again)["output"]["ended"] is False, "in the worker's next life"
        assert _outcome(server, lost)["output"]["caught"] is True, "onErrors took worker.lost"
        assert server.process.poll() is None
        assert "EmbeddedWorker ended with 3; starting it again" in (place / "log").read_text()
    finally:
        assert end(server) == 0


def _outcome(server: Refold, execution: str):
    found = {}
    while found.get("status") != "completed":
        found = server.ask("GET", f"/executions/{execution}", headers={"Prefer": "wait=30"}).json
        assert found["status"] in ("running", "waiting", "completed"), found
    return found


def test_killed_it_takes_its_worker_with_it(place):
    (place / "functions").mkdir()
    server = _up(place, REFOLD_FUNCTIONS_DIR=str(place / "functions"))
    children = psutil.Process(server.process.pid).children(recursive=True)
    workers = [child for child in children if "worker" in child.cmdline()]
    assert len(workers) == 1
    assert "REFOLD_DATABASE_URL" not in workers[0].environ()
    server.process.kill()
    server.process.wait(30)
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []


def test_strangers_may_not_look_into_the_data_folder(place):
    server = _up(place)
    end(server)
    entered_by_nobody = 0o711 if os.geteuid() == 0 else 0o700
    assert stat.S_IMODE((place / "data").stat().st_mode) == entered_by_nobody
    open_files = [
        path.name
        for path in (place / "data").iterdir()
        if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    assert open_files == []


def _until_told(log: Path, words: str) -> None:
    while words not in log.read_text():
        time.sleep(0.05)


def _until(path: Path) -> None:
    while not path.exists():
        time.sleep(0.05)


def test_executions_survive_the_death_of_everything(place, eventually):
    server = _up(place)
    nap = server.apply(NAP.replace("{duration}", "PT3S"))
    execution = server.start(nap)["id"]
    eventually(lambda: server.ask("GET", f"/executions/{execution}").json["last_seq"] >= 3)
    server.process.send_signal(signal.SIGKILL)
    server.process.wait(10)
    again = _up(place)
    try:
        found = again.ask("GET", f"/executions/{execution}", headers={"Prefer": "wait=30"}).json
        assert found["status"] == "completed"
    finally:
        end(again)


@pytest.mark.parametrize("program", ["postgres", "nats-server"])
def test_an_embedded_service_that_dies_is_started_again(place, program, eventually):
    server = _up(place)
    try:
        workflow = server.apply(GREET)
        children = psutil.Process(server.process.pid).children()
        (victim,) = [child for child in children if child.name() == program]
        victim.kill()
        victim.wait(10)
        eventually(lambda: _runs(server, program))
        eventually(lambda: server.ask("GET", "/readyz", namespace=None).status == 200, 60)
        assert server.start(workflow, wait_s=60)["status"] == "completed"
    finally:
        assert end(server) == 0


def _runs(server: Refold, program: str) -> bool:
    children = psutil.Process(server.process.pid).children()
    return any(child.name() == program and child.status() != "zombie" for child in children)


def test_roles_run_as_programs_of_their_own(place, refold, eventually):
    """An engine, a projector and an API apart, over the services of another Refold."""
    services = {"REFOLD_DATABASE_URL": refold.database, "REFOLD_NATS_URL": refold.nats}
    engine = launch(["serve", "--role", "engine"], place / "engine", **services)
    other = launch(["serve", "--role", "projector,worker"], place / "other", **services)
    api = launch(["serve", "--role", "api", "--http", "127.0.0.1:0"], place / "api", **services)
    try:
        nap = api.apply(NAP.replace("{duration}", "PT1S"))
        ids = [api.start(nap)["id"] for _ in range(10)]
        engine.process.kill()
        for ident in ids:
            found = api.ask("GET", f"/executions/{ident}", headers={"Prefer": "wait=50"}).json
            assert found["status"] == "completed"
        listing = f"/executions?workflow={nap}&status=completed"
        eventually(lambda: len(api.ask("GET", listing).json["items"]) == 10)
    finally:
        engine.process.wait(10)
        assert end(other) == 0
        assert end(api) == 0


def test_the_ready_line_is_one_line_of_json_and_ctrl_c_ends_it(place):
    process = subprocess.Popen(
        [".venv/bin/refold", "up", "--data", str(place / "data"), "--http", "127.0.0.1:0",
         "--nats", "127.0.0.1:0", "-o", "json"], stdout=subprocess.PIPE,
    )  # fmt: skip
    line = process.stdout.readline()
    assert set(json.loads(line)) == {"http", "nats", "database", "pid"}
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert process.stdout.read() == b""
