"""Answers of a recording are found by path, occurrence and attempt."""

import pytest

from engine.core.paths import path_of, state_of, within
from engine.core.timetravel.recording import Recording
from engine.model.state import Frame
from tests.property.core_run import CoreRun
from tests.unit.timetravel.orders import program

LOOP = {
    "id": "loop", "version": "1", "specVersion": "0.8", "start": "Each",
    "functions": [{"name": "call", "type": "custom", "operation": "python:shop:call"}],
    "states": [
        {
            "name": "Each", "type": "foreach", "inputCollection": "${ .items }",
            "iterationParam": "item", "mode": "sequential",
            "actions": [{"name": "a/b", "functionRef": "call"}], "transition": "Both",
        },
        {
            "name": "Both", "type": "parallel",
            "branches": [
                {"name": "#1", "actions": [{"name": "same", "functionRef": "call"}]},
                {"name": "x~y", "actions": [{"name": "same", "functionRef": "call"}]},
            ],
            "transition": "Again",
        },
        {
            "name": "Again", "type": "switch",
            "dataConditions": [{"condition": "${ .round == 2 }", "end": True}],
            "defaultCondition": {"transition": "Each"},
        },
    ],
}  # fmt: skip


@pytest.fixture
def source():
    """Two rounds of the loop; every call answers with its number."""
    run = CoreRun(program(LOOP))
    run.now = 1_000
    run.start({"items": [1, 2]})
    number = 0
    while not run.state.closed:
        number += 1
        key = min(run.open_calls(), key=lambda one: run.open_calls()[one].id)
        run.answer(key, {"round": 1 if number < 8 else 2, "number": number})
    return run.stored


def numbers(recording, path, rounds=2):
    found = (recording.answer(path, occurrence, 1) for occurrence in range(1, rounds + 1))
    return [None if one is None else one.result["number"] for one in found]


def test_paths_lead_through_states_branches_and_iterations(source):
    recording = Recording.of(source)
    assert numbers(recording, "Each/#0/a~1b") == [1, 5]
    assert numbers(recording, "Each/#1/a~1b") == [2, 6]
    assert numbers(recording, "Both/~21/same") == [3, 7]
    assert numbers(recording, "Both/x~0y/same", 3) == [4, 8, None]
    assert recording.closed


def test_counting_begins_behind_the_event_that_is_named(source):
    seq = next(event.seq for event in source if event.name == "Again")
    recording = Recording.of(source, after=seq)
    assert numbers(recording, "Each/#0/a~1b") == [5, None]
    assert numbers(recording, "Both/~21/same") == [7, None]


def test_a_live_state_and_a_recording_agree_on_a_path():
    frames = {
        1: Frame(1, 0, "execution", "", "order"),
        2: Frame(2, 1, "state", "/states/0", "Ship/now"),
        3: Frame(3, 2, "branch", "/states/0/branches", "#1"),
        5: Frame(5, 3, "iteration", "/states/0/branches", "Ship/now", iteration=4),
    }
    assert path_of(frames, 5, "~a") == "Ship~1now/~21/#4/~0a"
    assert path_of(frames, 1, "a") == "a"
    assert state_of("Ship~1now/~21/#4/~0a") == "Ship/now"
    assert state_of(within("", "~21")) == "#1"
