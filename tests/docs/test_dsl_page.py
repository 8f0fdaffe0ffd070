"""docs/dsl-0.8.md: each row of what is refused is refused with its code; nothing is left out."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from engine.dialects.cncf_v08 import read_definition
from server.app.judging import judged
from tests.unit.dialects.bad_definitions import NOT_SUPPORTED

PAGE = (Path(__file__).parents[2] / "docs" / "dsl-0.8.md").read_text()
ROW = re.compile(r"^\| ([a-z ]+) \| `(\".*)` \| `(definition\.[a-z_.]+)` \|$", re.MULTILINE)
ROWS = ROW.findall(PAGE)

BASE: dict[str, Any] = {
    "id": "page",
    "version": "1",
    "specVersion": "0.8",
    "start": "Work",
    "secrets": ["token"],
    "functions": [{"name": "call", "type": "custom", "operation": "python:module:function"}],
    "events": [{"name": "Told", "type": "told", "source": "/s", "kind": "consumed"}],
    "states": [
        {
            "name": "Work",
            "type": "operation",
            "actions": [{"functionRef": "call", "actionDataFilter": {"toStateData": ".x"}}],
            "transition": "Done",
        },
        {"name": "Done", "type": "event", "onEvents": [{"eventRefs": ["Told"]}], "end": True},
    ],
}
PARTS = {
    "workflow": (),
    "function": ("functions", 0),
    "event": ("events", 0),
    "state": ("states", 0),
    "last state": ("states", 1),
    "action": ("states", 0, "actions", 0),
}


def codes_of(definition: dict[str, Any]) -> set[str]:
    reading = judged(read_definition(json.dumps(definition).encode(), "application/json"))
    return {fault.code for fault in reading.errors}


def changed(part: str, written: str) -> dict[str, Any]:
    definition = copy.deepcopy(BASE)
    place: Any = definition
    for step in PARTS[part]:
        place = place[step]
    members = json.loads(f"{{{written}}}")
    if part == "action" and {"subFlowRef", "eventRef"} & set(members):
        del place["functionRef"]
    place.update(members)
    return definition


def test_the_definition_that_the_rows_change_is_accepted() -> None:
    assert codes_of(BASE) == set()
    assert len(ROWS) > 40


@pytest.mark.parametrize(("part", "written", "code"), ROWS)
def test_what_the_page_says_is_refused(part: str, written: str, code: str) -> None:
    assert code in codes_of(changed(part, written))


def test_every_feature_that_is_not_there_yet_is_on_the_page() -> None:
    told = "\n".join(f"{written}" for _, written, code in ROWS if code == NOT_SUPPORTED[0].code)
    features = {bad.pointer.rpartition("/")[2] for bad in NOT_SUPPORTED}
    assert [name for name in sorted(features) if f'"{name}"' not in told] == []
    types = {
        value for bad in NOT_SUPPORTED for place, value in bad.edits if place.endswith("/type")
    }
    assert [name for name in sorted(types) if f'"{name}"' not in told] == []


@pytest.mark.parametrize(
    ("part", "written"),
    [
        ("workflow", '"retries": [{"name": "never", "maxAttempts": 0}]'),
        ("workflow", '"specVersion": 0.8, "version": 1'),
        ("event", '"source": "/rooms/+/door/#"'),
        ("event", '"source": ""'),
        ("event", '"correlation": [{"contextAttributeName": "orderId"}]'),
        ("state", '"onErrors": [{"errorRef": "*", "transition": "Done"}]'),
        ("function", '"operation": "rest:GET:https://host.example/path"'),
        ("action", '"sleep": {"before": "PT1S", "after": "PT1S"}'),
        ("action", '"functionRef": {"refName": "call", "arguments": "${ .all }"}'),
    ],
)
def test_what_the_page_says_is_taken(part: str, written: str) -> None:
    assert codes_of(changed(part, written)) == set()


def test_without_a_version_a_part_of_the_hash_is_taken() -> None:
    definition = {name: value for name, value in BASE.items() if name != "version"}
    reading = read_definition(json.dumps(definition).encode(), "application/json")
    assert reading.program is not None
    assert reading.program.version == f"0-{reading.program.definition_hash[:8]}"
    assert "definition.relaxed.version" in {fault.code for fault in reading.faults}
