"""The upstream examples that this release can run, end to end on a running Refold.

The definitions and samples are read where the corpus lies. What each must do stands in
`expected/NN.json`, with the reason where definition and prose differ; the services that they name
are made up, so the stub stands in for them, its documents given with `--resource`.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.spec.bench import Bench, Log
from tests.spec.corpus import CORPUS
from tests.spec.stub import Answer, Call

pytestmark = pytest.mark.corpus

NUMBERS = ("01", "02", "03", "04", "12", "13", "14", "25")
EXPECTED = {
    number: json.loads((Path(__file__).parent / "expected" / f"{number}.json").read_text())
    for number in NUMBERS
}
RUNS = [(number, run["name"]) for number in NUMBERS for run in EXPECTED[number]["runs"]]


def folder_of(corpus: Path, number: str) -> Path:
    return next((corpus / CORPUS / "examples").glob(f"{number}-*"))


def answering(expected: list[dict[str, Any]], operation: str) -> Callable[[Call], Answer]:
    """Answers by the arguments; 400 for arguments that nobody should send."""

    def answer(call: Call) -> Answer:
        for one in expected:
            if one["operation"] == operation and one["when"] == call.arguments:
                return Answer(one["gives"])
        return Answer({"unexpected": call.arguments}, status=400)

    return answer


def prepare(bench: Bench, expected: dict[str, Any]) -> dict[str, str]:
    """Program the stub; the documents by URI."""
    documents = expected.get("documents", {})
    for operation in [one for names in documents.values() for one in names]:
        bench.answers(operation, answering(expected["answers"], operation))
    return {uri: bench.stub.document(bench.scope, names) for uri, names in documents.items()}


def cloudevent_of(folder: Path, given: dict[str, Any]) -> dict[str, Any]:
    """A CloudEvent of a run: written there, or the sample with what CloudEvents 1.0 asks for."""
    if "event" in given:
        return given["event"]
    event = json.loads((folder / given["file"]).read_text())
    for old, new in given.get("rename", {}).items():
        event[new] = event.pop(old)
    return {**event, **given["with"]}


def executions_of(bench: Bench, folder: Path, workflow: str, run: dict[str, Any]) -> list[Log]:
    """Do what the run says; the logs of the executions that came of it."""
    if "cloudevents" not in run:
        given = run.get("input")
        if "input_file" in run:
            given = json.loads((folder / run["input_file"]).read_text())
        return [bench.run(workflow, given)]
    for one in run["cloudevents"]:
        bench.publish_event(cloudevent_of(folder, one))
    return [bench.ended(one) for one in bench.started(len(run["executions"]))]


def judge(bench: Bench, log: Log, wanted: dict[str, Any]) -> None:
    """The log, and what the stub was asked, against what is expected of one execution."""
    assert log.status == "completed", log.error
    assert log.path == wanted["path"]
    assert log.output == wanted["output"]
    assert log.emitted == wanted.get("emitted", [])
    assert log.data("ExecutionCompleted")[0].get("terminated", False) is wanted.get(
        "terminated", False
    )
    if "calls" in wanted:
        order = key_of if wanted.get("calls_in_any_order") else lambda _: 0
        calls = [
            {"operation": one.operation, "arguments": one.arguments}
            for one in bench.stub.calls(bench.scope)
        ]
        assert sorted(calls, key=order) == sorted(wanted["calls"], key=order)


def key_of(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize(("number", "name"), RUNS)
def test_an_example_does_what_its_definition_says(
    spec_corpus: Path, bench: Bench, number: str, name: str
) -> None:
    expected, folder = EXPECTED[number], folder_of(spec_corpus, number)
    run = next(one for one in expected["runs"] if one["name"] == name)
    documents = prepare(bench, expected)
    definition = (folder / "workflow.json").read_text()
    workflow = bench.apply(definition, documents, media="application/json")
    logs = executions_of(bench, folder, workflow, run)
    key = lambda one: key_of(one["output"] if isinstance(one, dict) else one.output)  # noqa: E731
    for log, wanted in zip(sorted(logs, key=key), sorted(run["executions"], key=key), strict=True):
        judge(bench, log, wanted)


def test_12_sends_its_cloudevent_over_nats(spec_corpus: Path, bench: Bench, listening: Any) -> None:
    expected, folder = EXPECTED["12"], folder_of(spec_corpus, "12")
    documents = prepare(bench, expected)
    definition = (folder / "workflow.json").read_text()
    workflow = bench.apply(definition, documents, media="application/json")
    (wanted,) = expected["runs"][0]["executions"][0]["emitted"]
    with listening(f"cloudevents.out.{bench.namespace}.provisionCompleteType") as received:
        log = bench.run(workflow, json.loads((folder / "data-1.json").read_text()))
        message = received.next()
    (emitted,) = log.of("EventEmitted")
    assert message.headers["Content-Type"] == "application/cloudevents+json"
    cloudevent = json.loads(message.data)
    assert cloudevent["id"] == emitted["id"]
    assert {key: cloudevent[key] for key in ("type", "source", "data")} == wanted


def test_14_waits_for_its_last_event_however_late(spec_corpus: Path, bench: Bench) -> None:
    expected, folder = EXPECTED["14"], folder_of(spec_corpus, "14")
    documents = prepare(bench, expected)
    bench.apply((folder / "workflow.json").read_text(), documents, media="application/json")
    *early, last = expected["runs"][0]["cloudevents"]
    for one in early:
        bench.publish_event(one["event"])
    assert bench.ask("GET", "/executions").json["items"] == []
    bench.publish_event(last["event"])
    (execution,) = bench.started(1)
    judge(bench, bench.ended(execution), expected["runs"][0]["executions"][0])


def test_02_is_applied_by_the_command_with_its_document(
    spec_corpus: Path, bench: Bench, tmp_path: Path
) -> None:
    expected, folder = EXPECTED["02"], folder_of(spec_corpus, "02")
    ((uri, text),) = prepare(bench, expected).items()
    document = tmp_path / "greetingapis.json"
    document.write_text(text)
    place = {"REFOLD_NAMESPACE": bench.namespace}
    file = str(folder / "workflow.yaml")
    missing = bench.refold.cli("def", "apply", file, **place)
    assert missing.status == 1
    assert "definition.resource_missing" in missing.headers["stderr"]
    given = bench.refold.cli(
        "def", "apply", file, "--resource", f"{uri}={document}", "--namespace", bench.namespace
    )
    assert given.status == 0, given.headers["stderr"]
    log = bench.run("greeting", json.loads((folder / "data-1.json").read_text()))
    judge(bench, log, expected["runs"][0]["executions"][0])


@pytest.mark.parametrize(("number", "count"), [("05", 2), ("09", 1)])
def test_examples_with_sub_flows_are_refused_by_name(
    spec_corpus: Path, bench: Bench, number: str, count: int
) -> None:
    folder = folder_of(spec_corpus, number)
    documents = {"http://myapis.org/applicationapi.json": bench.stub.document(
        bench.scope, ["emailRejection"]
    )}  # fmt: skip
    text = (folder / "workflow.json").read_text()
    reply = bench.submit(text, documents, media="application/json")
    assert (reply.status, reply.json["code"]) == (422, "definition.invalid")
    faults = reply.json["errors"]
    assert [one["code"] for one in faults] == ["definition.not_supported"] * count
    assert all("subFlowRef" in one["detail"] for one in faults)
    assert bench.ask("GET", "/definitions").json["items"] == []
