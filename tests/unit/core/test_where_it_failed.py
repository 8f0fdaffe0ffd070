"""An error says where it arose: state, action, part of the definition, expression."""

import pytest

from engine.dialects.cncf_v08 import program_of
from tests.property.core_run import CoreRun

HEAD = '{"id": "w", "version": "1", "specVersion": "0.8", "start": "Here", "functions": [' \
    '{"name": "work", "type": "custom", "operation": "python:m:f"}], "states": ['  # fmt: skip
PLACES = {
    "condition": (
        '{"name": "Here", "type": "switch", "dataConditions": [{"condition": "${ false }",'
        ' "end": true}, {"condition": "${ .n }", "end": true}], "defaultCondition": {"end": true}}',
        ("Here", "", "/states/0/dataConditions/1/condition", ".n"),
    ),
    "input filter": (
        '{"name": "Here", "type": "inject", "data": {},'
        ' "stateDataFilter": {"input": "${ .n.m }"}, "end": true}',
        ("Here", "", "/states/0/stateDataFilter/input", ".n.m"),
    ),
    "output filter of a later state": (
        '{"name": "Here", "type": "inject", "data": {}, "transition": "There"},'
        '{"name": "There", "type": "inject", "data": {},'
        ' "stateDataFilter": {"output": "${ .n + {} }"}, "end": true}',
        ("There", "", "/states/1/stateDataFilter/output", ".n + {}"),
    ),
    "arguments": (
        '{"name": "Here", "type": "operation", "actions": [{"name": "go", "functionRef":'
        ' {"refName": "work", "arguments": {"x": "${ .n.m }"}}}], "end": true}',
        ("Here", "", "/states/0/actions/0", ".n.m"),
    ),
}


def failed_error(states):
    """The error of an execution with the input {"n": 1}; calls fail."""
    run = CoreRun(program_of((HEAD + states + "]}").encode(), "application/json"))
    run.start({"n": 1})
    for key in run.open_calls():
        run.fail(key, "broken", ())
    assert run.state.phase == "failed"
    return run.state.error


@pytest.mark.parametrize("case", PLACES)
def test_a_failed_expression_names_its_place(case):
    states, (state, action, node, expression) = PLACES[case]
    error = failed_error(states)
    assert (error.state, error.action, error.node) == (state, action, node)
    assert error.expression == expression


def test_a_failed_call_names_its_state_and_action():
    error = failed_error(
        '{"name": "Here", "type": "operation", "actions": [{"name": "go", "functionRef": "work"}],'
        ' "end": true}'
    )
    assert (error.state, error.action, error.node) == ("Here", "go", "/states/0/actions/0")
