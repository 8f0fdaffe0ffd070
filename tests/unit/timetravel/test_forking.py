"""What a fork begins with: which events it can go on from, what edits come to, what must fit."""

import random

import pytest

from engine.core.decide.resumption import CLOSING, OPENING, TERMINAL, resumable_types
from engine.core.evolve.fold import folded_types
from engine.core.evolve.frames import written
from engine.core.merge import identity
from engine.core.timetravel.forking import (
    ForkFault,
    Prefix,
    check_program,
    checked_policy,
    edited_cloudevent,
    writes_between,
)
from engine.core.timetravel.patch import PatchFault
from engine.dialects.cncf_v08 import program_of
from engine.model.state import ExecutionState, Frame
from schemas.events.parts import AnswerPolicy, MockAnswer
from schemas.json_text import dumps, loads
from tests.property.case import random_document, run_random
from tests.property.core_run import EXECUTION, CoreRun
from tests.property.generate import Chance

DEFINITION = b"""
id: two
version: '1'
specVersion: '0.8'
start: first
functions: [{name: work, type: custom, operation: 'python:tests:work'}]
states:
- {name: first, type: operation, actions: [{functionRef: work}], transition: both}
- name: both
  type: parallel
  branches: [{name: one, actions: [{name: inner, functionRef: work}]}]
  end: true
"""


def test_every_event_type_can_be_gone_on_from_or_has_a_reason_why_not():
    others = {one.__name__ for one in (*CLOSING, *OPENING, *TERMINAL)}
    assert resumable_types() | others == folded_types()
    assert not resumable_types() & others


def test_writes_make_the_patched_value_of_any_value():
    chance = Chance(random.Random(7))
    for _ in range(2_000):
        before, after = chance.data(3), chance.data(3)
        if chance.maybe(0.5) and isinstance(before, dict):
            after = {**before, "n": after}
        writes = tuple(writes_between(before, after))
        frame = Frame(id=1, parent=0, kind="state", node="", name="", data=before)
        assert identity(written(frame, writes, {}).data) == identity(after)


def test_writes_are_no_larger_than_what_changed():
    before = loads(b'{"a": {"b": 1, "c": [1, 2]}, "d": 12345678901234567890.50}')
    after = loads(b'{"a": {"b": 1, "c": [1]}, "d": 12345678901234567890.50, "e": {"f": null}}')
    writes = [(one.path, one.value) for one in writes_between(before, after)]
    assert writes == [(("a", "c"), [1]), (("e",), {"f": None})]
    (gone,) = writes_between(before, {"a": before["a"]})
    assert (gone.path, gone.value) == ((), {"a": before["a"]})
    assert list(writes_between(before, loads(dumps(before)))) == []


def test_of_a_cloudevent_only_the_data_is_edited():
    whole = {"id": "1", "source": "s", "type": "t", "data": {"n": 1}}
    edited = edited_cloudevent(4, whole, [{"op": "replace", "path": "/data/n", "value": 2}])
    assert (edited.position, edited.payload) == (4, {"n": 2})
    assert edited.whole == {**whole, "data": {"n": 2}}
    assert edited_cloudevent(4, whole, [{"op": "remove", "path": "/data"}]).payload is None
    for patch in ({"path": "/type", "value": "u"}, {"path": "/key", "value": "k"}):
        with pytest.raises(ForkFault, match="only /data"):
            edited_cloudevent(4, whole, [{"op": "add", **patch}])
    with pytest.raises(PatchFault):
        edited_cloudevent(4, whole, [{"op": "remove", "path": "/data/m"}])


def test_answers_are_for_actions_that_there_are():
    program = program_of(DEFINITION)
    answer = (MockAnswer(1),)
    policy = checked_policy(AnswerPolicy(mocks={"both/inner": answer}), program)
    assert policy.actions == {"both/inner": "mock"}
    given = AnswerPolicy(actions={"first/work": "mock"}, mocks={"work": answer})
    assert checked_policy(given, program).actions == {"work": "mock", "first/work": "mock"}
    for wrong in (
        AnswerPolicy(actions={"both/work": "live"}), AnswerPolicy(mocks={"outer": answer}),
        AnswerPolicy(actions={"inner": "mock"}),
    ):  # fmt: skip
        with pytest.raises(ForkFault):
            checked_policy(wrong, program)


def prefix_of(run, at):
    prefix = Prefix(ExecutionState(id=EXECUTION))
    for event in run.stored[:at]:
        prefix.note(event)
    return prefix


OPEN_ENDED = b"""
id: open
version: '1'
specVersion: '0.8'
start: wait
functions: [{name: work, type: custom, operation: 'python:tests:work'}]
events: [{name: came, type: came, source: s}, {name: other, type: other, source: s}]
states:
- {name: wait, type: event, onEvents: [{eventRefs: [came]}], transition: last}
- {name: last, type: operation, actions: [{functionRef: work}], end: true}
"""


@pytest.mark.parametrize(
    ("old", "new", "lacks"),
    [
        ("eventRefs: [came]", "eventRefs: [other]", "the event 'came' of the wait 'wait'"),
        ("name: wait, type: event, onEvents: [{eventRefs: [came]}]", "name: wait, type: inject, "
         "data: {}", "the wait 'wait' (/states/0/onEvents)"),
        ("name: wait,", "name: attend,", "state 'wait' (/states/0)"),
    ],
)  # fmt: skip
def test_a_version_that_lacks_what_is_open_is_refused_with_its_name(old, new, lacks):
    run = CoreRun(program_of(OPEN_ENDED))
    run.start({})
    changed = OPEN_ENDED.decode().replace(old, new).replace("start: wait", "start: attend" if (
        "attend" in new) else "start: wait")  # fmt: skip
    with pytest.raises(ForkFault) as raised:
        check_program(program_of(changed.encode()), prefix_of(run, len(run.stored)))
    assert lacks in raised.value.message
    assert raised.value.code == "fork.incompatible"


def test_every_prefix_of_every_history_fits_its_own_program():
    for seed in range(60):
        document, program = random_document(seed)
        source = run_random(document, program, seed).core.stored
        prefix = Prefix(ExecutionState(id=EXECUTION))
        for event in source:
            prefix.note(event)
            if prefix.state.phase == "running" and not prefix.origin.is_opening:
                check_program(program, prefix)
