"""What real definitions do otherwise is accepted with a warning that names it."""

import json
from typing import Any

import pytest

from engine.dialects.cncf_v08 import Reading, read_definition
from engine.model.program import Act, Choose, Each, Emission, Pass, Scope
from tests.unit.dialects.kitchen_sink import REMOVE, RESOURCES, edited

ACTION = "/states/1/actions/0"


def reading_of(*edits: tuple[str, Any]) -> Reading:
    text = json.dumps(edited(*edits)).encode()
    return read_definition(text, "application/json", RESOURCES)


@pytest.mark.parametrize(
    ("code", "pointer", "edits"),
    [
        ("relaxed.version", "", [("/version", REMOVE)]),
        ("relaxed.spec_version", "", [("/specVersion", REMOVE)]),
        ("relaxed.number", "/specVersion", [("/specVersion", 0.8)]),
        ("relaxed.number", "/version", [("/version", 1.0)]),
        ("relaxed.number", "/errors/0/code", [("/errors/0/code", 404)]),
        ("relaxed.boolean_text", "/states/8/defaultCondition/end/terminate",
         [("/states/8/defaultCondition/end/terminate", "true")]),
        ("relaxed.boolean_text", "/keepActive", [("/keepActive", "false")]),
        ("relaxed.text_values", "/metadata/n", [("/metadata", {"n": 1})]),
        ("relaxed.default_condition", "/states/2", [("/states/2/defaultCondition", REMOVE),
         ("/states/1/transition", {"nextState": "Choose"})]),
        ("relaxed.arguments_text", f"{ACTION}/functionRef/arguments",
         [(f"{ACTION}/functionRef/arguments", "${ .order }")]),
        ("relaxed.event_source", "/events/1", [("/events/1/source", REMOVE)]),
        ("relaxed.event_kind", "/events/2", [("/events/2/kind", REMOVE)]),
        ("relaxed.attribute_case", "/events/0/correlation/0/contextAttributeName",
         [("/events/0/correlation/0/contextAttributeName", "orderId")]),
        ("relaxed.iteration_param", "/states/6/iterationParam",
         [("/states/6/iterationParam", "${ .item }")]),
        ("expression.embedded", f"{ACTION}/functionRef/arguments/id",
         [(f"{ACTION}/functionRef/arguments/id", "order ${ .id }")]),
        ("inject.literal", "/states/4/data/n", [("/states/4/data/n", "${ .n }")]),
        ("foreach.batch_size_unused", "/states/6/batchSize", [("/states/6/mode", "sequential")]),
        ("parallel.num_completed_unused", "/states/5/numCompleted",
         [("/states/5/completionType", "allOf")]),
        ("function.arguments_unused", "/states/5/branches/0/actions/0/functionRef/arguments",
         [("/states/5/branches/0/actions/0/functionRef", {"refName": "double", "arguments": {}})]),
        ("retry.any_error", f"{ACTION}/retryRef", [(f"{ACTION}/retryableErrors", REMOVE)]),
        ("result.place", f"{ACTION}/actionDataFilter/results",
         [(f"{ACTION}/actionDataFilter/toStateData", REMOVE)]),
        ("result.place", "/states/0/onEvents/0/actions/0", []),
        ("timeout.unused", "/states/0/timeouts", []),
        ("timeout.unused", "/states/3/timeouts/eventTimeout",
         [("/states/3/timeouts", {"eventTimeout": "PT1S"})]),
        ("timeout.unused", "/states/4/timeouts/actionExecTimeout",
         [("/states/4/timeouts", {"actionExecTimeout": "PT1S"})]),
        ("shape.unknown_member", "/sattes", [("/sattes", [])]),
    ],
)  # fmt: skip
def test_it_is_accepted_with_a_warning(
    code: str, pointer: str, edits: list[tuple[str, Any]]
) -> None:
    reading = reading_of(*edits)
    assert reading.errors == ()
    assert reading.program is not None
    warnings = {(fault.code, fault.pointer) for fault in reading.faults}
    assert (f"definition.{code}", pointer) in warnings


@pytest.mark.parametrize(
    "edits",
    [
        [("/extensions", [{"extensionId": "kpi"}]), ("/x-owner", {"end": 5})],
        [("/annotations", ["a"]), ("/description", "d"), ("/name", "n")],
        [("/metadata", {"a": "b"}), ("/states/3/metadata", {"a": "b"})],
        [("/start", REMOVE)],
        [("/start", {"stateName": "Wait"})],
        [("/id", REMOVE), ("/key", "sink")],
        [("/states/4/onErrors", [{"errorRef": "Late", "end": True}])],
        [("/retries/0/maxAttempts", 0)],
        [("/retries/0/maxAttempts", "4"), ("/retries/0/multiplier", "1.5")],
        [("/retries/0/jitter", "PT0.5S")],
        [("/states/5/numCompleted", "1")],
        [("/states/5/numCompleted", "${ .n }")],
        [("/states/6/batchSize", "2")],
        [("/states/1/end", False)],
        [("/states/1/end", None)],
        [("/states/1/onErrors/0/errorRef", "*")],
        [("/states/1/onErrors/0", {"errorRefs": ["Late", "Broken"], "end": True})],
        [(f"{ACTION}/condition", True)],
        [(f"{ACTION}/condition", "${ fn:double }")],
        [("/expressionLang", "jq")],
        [("/keepActive", False), ("/autoRetries", False)],
        [("/functions/0/type", "rest")],
        [("/functions/1/operation", "rest:post:http://localhost:8080/a/{id}?x=1")],
        [("/events/1/source", "")],
        [("/events/1/dataOnly", False)],
        [("/constants", {"deep": {"text": "${ not evaluated }"}})],
    ],
)
def test_what_the_specification_allows_causes_no_new_warning(edits: list[tuple[str, Any]]) -> None:
    reading = reading_of(*edits)
    assert reading.errors == ()
    assert {fault.code for fault in reading.faults} == {
        "definition.result.place",
        "definition.timeout.unused",
    }


def test_a_version_that_is_missing_is_taken_from_the_content() -> None:
    program = reading_of(("/version", REMOVE)).program
    assert program is not None
    assert program.version == f"0-{program.definition_hash[:8]}"


def test_a_number_as_version_keeps_its_text() -> None:
    text = b"id: a\nversion: 1.10\nstates:\n- {name: s, type: sleep, duration: PT1S, end: true}\n"
    program = read_definition(text, "application/yaml").program
    assert program is not None
    assert program.version == "1.10"


def test_without_default_condition_the_choice_has_none() -> None:
    program = reading_of(("/states/2/defaultCondition", REMOVE)).program
    assert program is not None
    choice = program.nodes["/states/2/dataConditions"]
    assert isinstance(choice, Choose)
    assert choice.default is None


def test_a_wrapped_parameter_is_the_parameter() -> None:
    program = reading_of(("/states/6/iterationParam", "${ .item }")).program
    assert program is not None
    each = program.nodes["/states/6#each"]
    assert isinstance(each, Each)
    assert each.parameter == "item"


def test_injected_expressions_stay_text() -> None:
    program = reading_of(("/states/4/data/n", "${ .n }")).program
    assert program is not None
    node = program.nodes["/states/4/data"]
    assert isinstance(node, Pass)
    assert (node.data.base, node.data.expressions) == ({"n": "${ .n }"}, ())


def test_any_error_and_no_retries() -> None:
    program = reading_of(
        ("/states/1/onErrors/0/errorRef", "*"), ("/retries/0/maxAttempts", 0)
    ).program
    assert program is not None
    scope, act = program.nodes["/states/1"], program.nodes[ACTION]
    assert isinstance(scope, Scope)
    assert isinstance(act, Act)
    assert [catch.code for catch in scope.catches] == ["*"]
    assert act.retry is not None
    assert act.retry.max_attempts == 0


def test_an_event_without_source_is_produced_in_the_name_of_the_workflow() -> None:
    program = reading_of(("/events/2/source", REMOVE)).program
    assert program is not None
    race = program.nodes["/states/8/eventConditions"]
    emission: Emission = race.entries[0].exit.emissions[0]  # type: ignore[union-attr]
    assert emission.source == "/workflows/sink"


def test_what_only_libjq_can_judge_is_left_to_it_with_its_place() -> None:
    source = ".a |= (. + 1)"
    reading = reading_of((f"{ACTION}/condition", f"${{ {source} }}"))
    assert (f"{ACTION}/condition", source) in reading.expressions
    judged = reading.judged({source: "syntax error, unexpected x"})
    assert judged.program is None
    fault = judged.errors[0]
    assert (fault.code, fault.pointer) == ("definition.expression.syntax", f"{ACTION}/condition")
    assert fault.message.endswith("is no jq program: syntax error, unexpected x")
    assert fault.column > 1
    assert reading.judged({}).program == reading.program
