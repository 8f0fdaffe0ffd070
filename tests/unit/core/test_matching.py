"""Which CloudEvent a wait or a trigger takes, and why not."""

from uuid import UUID

import pytest

from engine.core.matching import (
    accepting,
    fixed_correlation,
    gathering_key,
    refusal,
    source_matches,
    text_of,
    trigger_accepts,
)
from engine.model.command import Arrived
from engine.model.program import EventDefinition, Template, Trigger
from engine.model.state import ExecutionState, Wait
from schemas.events import CloudEventRef, EventFilter
from schemas.json_text import loads

NOBODY = ExecutionState(id=UUID(int=1))


def arrived(kind="t", source="/s", position=5, **attributes):
    return Arrived(CloudEventRef(position, "id", source, kind), 0, attributes, {}, {})


@pytest.mark.parametrize(
    ("pattern", "source", "matches"),
    [
        (None, "/anything", True), ("/a", "/a", True), ("/a", "/b", False), ("/a", "/a/b", False),
        ("/a/+", "/a/b", True), ("/a/+", "/a", False), ("/a/+", "/a/b/c", False),
        ("/+/c", "/a/c", True), ("/a/#", "/a", True), ("/a/#", "/a/b/c", True),
        ("/a/#", "/b/c", False), ("#", "urn:x", True), ("/a/b+", "/a/bc", False),
        ("/a/b+", "/a/b+", True), ("/#/c", "/a/c", False), ("/a/", "/a", False),
    ],
)  # fmt: skip
def test_sources_match_by_segment(pattern, source, matches):
    assert source_matches(pattern, source) is matches


@pytest.mark.parametrize(
    ("wanted", "given", "reason"),
    [
        ({}, {}, None),
        ({"type": "u"}, {}, "type"),
        ({"after": 5}, {}, "position"),
        ({"after": 4}, {}, None),
        ({"source": "/x"}, {}, "source"),
        ({"correlation": (("c", "1"),)}, {"c": "1"}, None),
        ({"correlation": (("c", "1"),)}, {"c": "2"}, "'2', wanted '1'"),
        ({"correlation": (("c", "1"),)}, {}, "missing"),
        ({"correlation": (("c", None),)}, {"c": "7"}, None),
        ({"correlation": (("c", None),)}, {}, "missing"),
    ],
)
def test_a_refusal_names_the_first_predicate_that_failed(wanted, given, reason):
    why = refusal(NOBODY, EventFilter(**{"ref": "r", "type": "t", **wanted}), arrived(**given))
    assert why is None if reason is None else reason in why


def test_a_value_that_the_execution_has_must_be_met():
    known = ExecutionState(id=UUID(int=1), correlation={"c": "7"})
    wanted = EventFilter("r", "t", correlation=(("c", None),))
    assert refusal(known, wanted, arrived(c="7")) is None
    assert "wanted '7'" in refusal(known, wanted, arrived(c="8"))
    assert fixed_correlation(NOBODY, wanted, arrived(c="8")) == {"c": "8"}
    assert fixed_correlation(known, wanted, arrived(c="7")) == {}


def test_a_cloudevent_fills_one_place_of_a_wait():
    filters = (EventFilter("one", "t"), EventFilter("two", "t"))
    wait = Wait(1, 1, "n", "n", 0, "all", filters)
    assert accepting(NOBODY, wait, arrived()) == "one"
    fuller = Wait(1, 1, "n", "n", 0, "all", filters, received={"one": 1}, taken=(5,))
    assert accepting(NOBODY, fuller, arrived()) is None
    assert accepting(NOBODY, fuller, arrived(position=6)) == "two"


def test_a_trigger_takes_by_type_source_and_fixed_values():
    fixed = (("c", Template(None, (((), "$CONST.k"),))),)
    definition = EventDefinition("r", "t", "/s/+", correlation=fixed)
    trigger = Trigger("/states/0", "/states/0/onEvents", "any", (definition,))
    assert trigger_accepts(trigger, {"k": 1}, arrived(source="/s/x", c="1")) == "r"
    assert trigger_accepts(trigger, {"k": 1}, arrived(source="/s/x", c="2")) is None
    assert trigger_accepts(trigger, {"k": 1}, arrived(source="/s/x")) is None
    assert trigger_accepts(trigger, {"k": 1}, arrived(c="1")) is None
    assert trigger_accepts(trigger, {"k": 1}, arrived("u", "/s/x", c="1")) is None


def test_gatherings_are_keyed_by_the_values_that_all_definitions_share():
    one = EventDefinition("one", "t", correlation=(("c", None), ("d", None)))
    two = EventDefinition("two", "u", correlation=(("c", None),))
    trigger = Trigger("n", "l", "all", (one, two))
    key = gathering_key(trigger, arrived(c="1", d="x"))
    assert key == gathering_key(trigger, arrived("u", c="1", d="y"))
    assert key != gathering_key(trigger, arrived(c="2", d="x"))
    assert len(key) == 16


@pytest.mark.parametrize(
    ("json", "text"),
    [
        ('"x"', "x"),
        ("true", "true"),
        ("null", "null"),
        ("1.10", "1.10"),
        ('{"a":[1]}', '{"a":[1]}'),
    ],
)
def test_correlation_values_are_compared_as_the_text_of_their_json(json, text):
    assert text_of(loads(json)) == text
