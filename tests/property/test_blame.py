"""For random histories: every path of every open frame's data is blamed on an event that holds the
very value, and the shades beside the data are the data.

The histories have branches, iterations, merges of arrays, data filters, error handlers, retries,
callbacks, waits for several CloudEvents, and gatherings (`tests.property.generate`).
"""

import pytest
from msgspec import UNSET

from engine.core.merge import identity, value_at
from engine.core.timetravel.blame import MAX_FINDINGS, Blame, Target, target_of
from engine.core.timetravel.blame_fold import Provenance
from engine.model.errors import NotFound
from engine.model.state import ExecutionState
from schemas.events import encode_body
from schemas.json_text import loads
from tests.property.case import random_document, run_random
from tests.property.core_run import EXECUTION

SLICES = 4
DEFINITIONS = 400


def paths_of(value, path=()):
    yield path, value
    if isinstance(value, dict):
        for key, one in value.items():
            yield from paths_of(one, (*path, key))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from paths_of(one, (*path, number))


def in_event(event, pointer):
    """What stands at a pointer of an event as it is stored."""
    value = loads(encode_body(event.body))
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        value = value_at(value, (int(key) if isinstance(value, list) else key,))
    return value


def check_leaf(finding, value, events):
    """The event that is named holds the value, and no event that brought it here came before."""
    event = events[finding.place.seq - 1]
    if finding.pointer:
        assert identity(in_event(event, finding.pointer)) == identity(value)
    else:
        assert finding.kind in ("collected", "made")
        assert value in (None, [], {})
    seqs = [hop.place.seq for hop in finding.moves] + [event.seq]
    assert seqs == sorted(seqs, reverse=True)
    if finding.write is not None:
        assert loads(encode_body(event.body)).get("writes"), "a write of an event that has none"


def check_everything(trace, program, events):
    blame_of = {program.definition_hash: program}
    checked = 0
    for frame in trace.state.frames.values():
        target = Target(frame.id, frame.name, frame.data, trace.frames[frame.id].data)
        for path, value in paths_of(frame.data):
            shade = target.shade.at(frame.data, path)
            assert identity(shade.value()) == identity(value), path
            if isinstance(value, dict | list) and value:
                continue
            finding = Blame(blame_of, depth=0).of(target, path)
            assert finding.path == path
            check_leaf(finding, value, events)
            checked += 1
    return checked


@pytest.mark.parametrize("part", range(SLICES))
def test_every_path_is_blamed_on_an_event_that_holds_its_value(part):
    checked = 0
    for seed in range(part, DEFINITIONS, SLICES):
        document, program = random_document(seed)
        run = run_random(document, program, seed).core
        trace = Provenance(ExecutionState(id=EXECUTION))
        for event in run.stored:
            trace.advance(event)
            checked += check_everything(trace, program, run.stored)
            check_answer(trace, program)
        assert trace.state == run.state
        if trace.output is not None:
            assert identity(trace.output.value()) == identity(run.state.output)
    assert checked > 2_000


def check_answer(trace, program):
    """What people ask for: the whole story, within its limit, and values that fit the places."""
    try:
        target = target_of(trace, None, None)
    except NotFound:
        return
    teller = Blame({program.definition_hash: program}, depth=4)
    story = list(told(teller.of(target, ())))
    assert len(story) <= MAX_FINDINGS + 1
    for finding in story:
        assert finding.value is UNSET or finding.kind
        assert finding.place.seq <= trace.state.seq


def told(finding):
    yield finding
    behind = finding.reads if finding.call is None else (*finding.reads, *finding.call.reads)
    for one in behind:
        yield from told(one)
