"""What is left out is left out everywhere, and what is left folds as the whole did."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.evolve import evolve
from engine.core.timetravel.pointer import PathFault
from engine.model.event import Event
from engine.model.state import ExecutionState
from schemas.events.wire import decode_body, encode_body, type_of, version_of
from schemas.json_text import dumps, loads
from server.bundles.masking import Masker
from tests.property.core_run import EXECUTION
from tests.replay.golden import FOLDER, read

KEY = b"k" * 16
HISTORIES = {path.stem: [one[0] for one in read(path)[0]] for path in sorted(FOLDER.glob("*"))
             if path.suffix == ".jsonl"}  # fmt: skip


def masked(events, *pointers, **options):
    """The events as a bundle tells them, with their masker."""
    masker, state = Masker(KEY, pointers, **options), ExecutionState(id=EXECUTION)
    for event in events:
        state = evolve(state, event)
        masker.see(encode_body(event.body), state)
    return masker, [told(masker, event) for event in events]


def told(masker, event):
    name, version, data = type_of(event.body), version_of(event.body), encode_body(event.body)
    members = loads(data)
    for member, text in masker.mask(name, version, data).items():
        if text is None:
            del members[member]
        else:
            members[member] = loads(text)
    body = decode_body(name, version, dumps(members))
    return Event(**{one: getattr(event, one) for one in Event.__struct_fields__} | {"body": body})


def shape(value):
    """A value without its scalars."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value]
    return None


def states(events):
    state = ExecutionState(id=EXECUTION)
    for event in events:
        state = evolve(state, event)
        yield state


def places_of(value, path=()):
    yield path
    if isinstance(value, list):
        value = dict(enumerate(value))
    for key, one in value.items() if isinstance(value, dict) else ():
        yield from places_of(one, (*path, str(key)))


def data_of(events):
    for state in states(events):
        for frame in state.frames.values():
            yield frame.data


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_redacted_history_folds_to_states_of_the_same_shape(data):
    name = data.draw(st.sampled_from(sorted(HISTORIES)))
    events = HISTORIES[name]
    places = sorted({place for one in data_of(events) for place in places_of(one)})
    chosen = data.draw(st.lists(st.sampled_from(places or [()]), min_size=1, max_size=3))
    pointers = ["".join(f"/{part}" for part in place) for place in chosen]
    _, left = masked(events, *pointers)
    for whole, state in zip(states(events), states(left), strict=True):
        assert state.phase == whole.phase
        assert set(state.frames) == set(whole.frames)
        if any(part.isdigit() for place in chosen for part in place):
            continue  # one of many elements: equal ones, which are one when merged, may be two
        for key, frame in state.frames.items():
            assert shape(loads(dumps(frame.data))) == shape(loads(dumps(whole.frames[key].data)))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_value_of_four_characters_stands_anywhere_after_its_place_was_redacted(data):
    name = data.draw(st.sampled_from(sorted(HISTORIES)))
    events = HISTORIES[name]
    values = {}
    for one in data_of(events):
        for place in places_of(one):
            value = one
            for part in place:
                value = value[part] if isinstance(value, dict) else value[int(part)]
            text = value if isinstance(value, str) else json.dumps(value, default=str)
            if not isinstance(value, dict | list) and len(text) >= 4 and value not in (None, True):
                values.setdefault(place, set()).add(text)
    if not values:
        return
    place = data.draw(st.sampled_from(sorted(values)))
    _, left = masked(events, "".join(f"/{part}" for part in place))
    for event in left:
        for value in values[place] - {"false", "true", "null"}:
            found = re.search(rf"(?<![0-9A-Za-z]){re.escape(value)}(?![0-9A-Za-z])",
                              free_text(event))  # fmt: skip
            assert not found, (value, event)


STRUCTURE = ("definition_hash", "workflow", "version", "type", "ref", "next", "function", "of",
             "handler", "path", "source", "case", "frame", "purpose")  # fmt: skip


def free_text(event):
    """What an event says that is no name of the definition."""

    def without(value):
        if isinstance(value, dict):
            return {key: without(one) for key, one in value.items() if key not in STRUCTURE}
        return [without(one) for one in value] if isinstance(value, list) else value

    return dumps(without(loads(encode_body(event.body)))).decode()


def test_the_same_value_has_the_same_mark_and_another_one_another():
    masker = Masker(KEY, ["/a", "/b"])
    data = dumps({"workflow": "w", "version": "1", "definition_hash": "", "dialect": "",
                  "ir_version": 1,
                  "input": {"a": "first", "b": ["first", "second", 7, 7.0]}})  # fmt: skip
    made = loads(masker.mask("ExecutionStarted", 1, data)["input"])
    assert made["a"] == made["b"][0] != made["b"][1]
    assert made["b"][2] == made["b"][3]
    other = loads(Masker(b"other key", ["/a"]).mask("ExecutionStarted", 1, data)["input"])
    assert other["a"] != made["a"], "nobody can find a value by trying, who lacks the key"


def test_printed_output_is_left_out_unless_it_is_wanted():
    data = dumps({"action": 3, "result": 1, "printed": "token abc"})
    assert Masker(KEY).mask("ActionCompleted", 1, data) == {"printed": None}
    assert Masker(KEY, printed=True).mask("ActionCompleted", 1, data) == {}


def test_a_secret_that_a_service_told_is_left_out_wherever_it_stands():
    data = dumps({"action": 3, "result": {"url": "/x?k=s3%2Fcret", "said": "is s3/cret now"}})
    made = Masker(KEY, known=["s3/cret"]).mask("ActionCompleted", 1, data)["result"].decode()
    assert "cret" not in made
    assert made.count("[redacted") == 2


def test_only_at_the_place_where_that_is_wanted():
    events = HISTORIES["order_completed"]
    _, everywhere = masked(events, "/stock")
    _, there = masked(events, "/stock", elsewhere=False)
    counts = [sum("12345678901234567890" in free_text(one) for one in told)
              for told in (events, there, everywhere)]  # fmt: skip
    assert counts[0] >= counts[1] >= counts[2] == 0


@pytest.mark.parametrize("pointer", ["customer", "/a~2", "a/b"])
def test_what_is_no_pointer_is_refused(pointer):
    with pytest.raises(PathFault):
        Masker(KEY, [pointer])


STARTED = {"workflow": "w", "version": "1", "definition_hash": "", "dialect": "", "ir_version": 1,
           "input": {"card": "4111-2222", "pin": 42, "paid": True, "note": None,
                     "none": {}}}  # fmt: skip


def seen(*pointers, **options):
    masker = Masker(KEY, pointers, **options)
    masker.see(dumps(STARTED), ExecutionState(id=EXECUTION))
    masker.see(dumps({"action": 3, "result": 1}), ExecutionState(id=EXECUTION))
    return masker


@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_pointer_at_which_nothing_stood_is_named(elsewhere):
    masker = seen("/card", "/crad", "/card/no", "/none", "/note", "/*", elsewhere=elsewhere)
    assert masker.absent() == ["/crad", "/card/no", "/none"]


def test_a_log_that_cannot_be_read_is_not_said_to_lack_a_place():
    assert Masker(KEY, ["/card"]).absent() == []


def test_each_pointer_tells_its_events_and_those_with_values_too_short_to_look_for():
    told = [(one.pointer, one.events, one.short) for one in
            seen("/card", "/pin", "/paid", "/note", "/input/card").redactions()]  # fmt: skip
    assert told == [("/card", 1, 0), ("/pin", 1, 1), ("/paid", 1, 1), ("/note", 1, 0),
                    ("/input/card", 1, 0)]  # fmt: skip
