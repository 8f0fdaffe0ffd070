"""The five examples that ship with Refold do what `examples/expected/` says, along every path."""

import json
import uuid
from typing import Any

import pytest

from tests.integration.conftest import ROOT
from tests.spec.bench import Bench, Log

EXAMPLES = ROOT / "examples"
EXPECTED = {
    file.stem: json.loads(file.read_text())["runs"]
    for file in sorted((EXAMPLES / "expected").glob("*.json"))
}
RUNS = [(name, run["name"]) for name, runs in EXPECTED.items() for run in runs]


def publish(bench: Bench, event: dict[str, Any]) -> None:
    bench.publish_event({"specversion": "1.0", "id": uuid.uuid4().hex, **event})


def began(bench: Bench, workflow: str, run: dict[str, Any]) -> str:
    """Start the run's execution by its input or its CloudEvents."""
    if "cloudevents" not in run:
        return bench.start(workflow, run["input"])
    for event in run["cloudevents"]:
        publish(bench, event)
    (execution,) = bench.started(1)
    return execution


def carry_on(bench: Bench, execution: str, step: dict[str, Any]) -> None:
    """Answer a wait once it is open."""

    def is_there(log: Log) -> bool:
        return any(one["state"] == step["at"] for one in log.execution["waits"])

    log = bench.when(execution, is_there)
    if "cloudevent" in step:
        publish(bench, step["cloudevent"])
        return
    (wait,) = log.execution["waits"]
    reply = bench.ask("POST", f"/callbacks/{wait['callback_token']}", step["callback"])
    assert reply.status < 300, reply.body


def test_every_example_has_several_expected_runs() -> None:
    assert sorted(EXPECTED) == sorted(
        file.name.removesuffix(".sw.yaml") for file in EXAMPLES.glob("*.sw.yaml")
    )
    assert len(EXPECTED) == 5
    assert all(len(runs) >= 2 for runs in EXPECTED.values())
    paths = {name: {tuple(run["path"]) for run in runs} for name, runs in EXPECTED.items()}
    assert all(len(one) >= 2 for one in paths.values())


@pytest.mark.parametrize(("workflow", "name"), RUNS)
def test_an_example_goes_its_way(bench: Bench, workflow: str, name: str) -> None:
    run = next(one for one in EXPECTED[workflow] if one["name"] == name)
    bench.apply((EXAMPLES / f"{workflow}.sw.yaml").read_text())
    execution = began(bench, workflow, run)
    for step in run.get("then", ()):
        carry_on(bench, execution, step)
    log = bench.ended(execution)
    assert log.status == "completed", log.error
    assert log.path == run["path"]
    assert log.output == run["output"]
    assert log.emitted == run.get("emitted", [])
    retried = log.names("RetryScheduled")
    assert {one: retried.count(one) for one in retried} == run.get("retries", {})


def test_parts_are_transcoded_two_at_a_time(bench: Bench) -> None:
    bench.apply((EXAMPLES / "media-transcoding.sw.yaml").read_text())
    log = bench.run("media-transcoding", {"film": "ABCDEFGHIJKLMNOPQR"})
    assert log.output == {"film": "abcdefghijklmnopqr", "parts": 5}
    printed = [one.get("printed") for one in log.data("ActionCompleted")]
    assert "part 4: 2 frames\n" in printed
    active = peak = 0
    for event in log.of("IterationStarted", "IterationCompleted"):
        active += 1 if event["type"] == "IterationStarted" else -1
        peak = max(peak, active)
    assert peak == 2
