"""Histories that were once written fold as they did: the past does not change."""

import hashlib

import pytest

from engine.core.evolve.fold import folded_types
from engine.core.replay import fold
from schemas.events import EVENT_TYPES, encode_body, type_of, version_of
from tests.property.core_run import EXECUTION
from tests.replay.golden import FOLDER, SUMS, plain, read, state_hash

FILES = sorted(FOLDER.glob("*.jsonl"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_golden_history_folds_to_the_states_it_was_recorded_with(path):
    events, end = read(path)
    state = None
    for event, recorded, _, _ in events:
        state = fold(EXECUTION, [event], state)
        assert state_hash(state) == recorded, f"event {event.seq} folds differently"
    assert plain(state) == end
    assert state.closed


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_golden_body_is_read_and_written_back_to_the_byte(path):
    for _, _, body, data in read(path)[0]:
        assert encode_body(body) == data


def test_every_event_type_and_version_is_in_a_golden_file_and_has_a_fold():
    seen = {(type_of(body), version_of(body)) for path in FILES for _, _, body, _ in read(path)[0]}
    assert seen == set(EVENT_TYPES)
    assert {name for name, _ in seen} == folded_types()


def test_golden_files_are_those_that_were_committed():
    recorded = dict(reversed(line.split()) for line in SUMS.read_text().splitlines())
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in FILES}
    assert found == recorded, "a golden file is never changed; add one, with its line in SHA256SUMS"
