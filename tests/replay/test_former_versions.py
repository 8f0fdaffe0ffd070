"""Every version of an event type that a log may hold is still read: by an upcaster and a golden
file. docs/upcasting.md says what to do for a new one."""

import pytest

from engine.core.upcast import upcast
from schemas.events import EVENT_TYPES, bodies, former, type_of, version_of
from schemas.events.bodies import EventBody
from tests.replay.golden import FOLDER, read

FORMER = [
    cls
    for cls in vars(former).values()
    if isinstance(cls, type) and issubclass(cls, EventBody) and cls is not EventBody
]
NEWEST = {
    cls.__name__: cls for cls in EventBody.__subclasses__() if cls.__module__ == bodies.__name__
}


@pytest.fixture(scope="module")
def recorded() -> dict[type, list[EventBody]]:
    """The bodies of the golden files, in the version they were stored in."""
    found: dict[type, list[EventBody]] = {}
    for path in sorted(FOLDER.glob("*.jsonl")):
        for _, _, body, _ in read(path)[0]:
            found.setdefault(type(body), []).append(body)
    return found


def unready(classes, recorded) -> list[str]:
    """What is missing for these former versions to be read for ever."""
    faults = []
    for cls in classes:
        key = (getattr(cls, "TYPE", cls.__name__), cls.VERSION)
        newest = NEWEST.get(key[0])
        if EVENT_TYPES.get(key) is not cls or newest is None or newest.VERSION <= cls.VERSION:
            faults.append(f"{key} is no former version of a type")
        elif not recorded.get(cls):
            faults.append(f"{key} is in no golden file")
        elif not all(type(upcast(body)) is newest for body in recorded[cls]):
            faults.append(f"{key} has no upcaster to version {newest.VERSION}")
    return faults


def test_every_former_version_has_an_upcaster_and_a_golden_file(recorded):
    assert FORMER
    assert unready(FORMER, recorded) == []


def test_a_former_version_without_either_is_told(recorded):
    class TimerSetV0(EventBody, frozen=True, gc=False):
        VERSION = 0
        TYPE = "TimerSet"

    key = ("TimerSet", 0)
    try:
        EVENT_TYPES[key] = TimerSetV0
        assert unready([TimerSetV0], recorded) == [f"{key} is in no golden file"]
        with_golden = {**recorded, TimerSetV0: [TimerSetV0()]}
        assert unready([TimerSetV0], with_golden) == [f"{key} has no upcaster to version 1"]
    finally:
        del EVENT_TYPES[key]
    assert unready([TimerSetV0], recorded) == [f"{key} is no former version of a type"]


def test_versions_of_a_type_follow_each_other_from_1():
    versions: dict[str, list[int]] = {}
    for name, version in sorted(EVENT_TYPES):
        versions.setdefault(name, []).append(version)
    for name, found in versions.items():
        assert found == list(range(1, len(found) + 1)), name


def test_a_cancellation_of_version_1_says_its_reason_and_no_origin(recorded):
    [body] = {body.reason: body for body in recorded[former.ExecutionCancelledV1]}.values()
    newest = upcast(body)
    assert (type_of(newest), version_of(newest)) == ("ExecutionCancelled", 2)
    assert (newest.asked.reason, newest.asked.origin) == (body.reason, "")
    assert upcast(newest) is newest
