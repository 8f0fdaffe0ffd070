"""What a fork begins with: which events it can go on from, what edits come to, what must fit."""

import random

import pytest

from engine.core.decide.resumption import CLOSING, OPENING, TERMINAL, resumable_types
from engine.core.evolve.fold import folded_types
from engine.core.evolve.frames import written
from engine.core.merge import identity
from engine.core.timetravel.forking import (
    ForkFault,
    checked_policy,
    edited_cloudevent,
    writes_between,
)
from engine.core.timetravel.patch import PatchFault
from engine.dialects.cncf_v08 import program_of
from engine.model.state import Frame
from schemas.events.parts import AnswerPolicy, MockAnswer
from schemas.json_text import dumps, loads
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
