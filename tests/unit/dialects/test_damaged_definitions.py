"""Definitions that chance has damaged are accepted or refused, never a crash."""

import json
import random
from copy import deepcopy
from typing import Any

from engine.dialects.cncf_v08 import CODES, mermaid, read_definition
from tests.unit.dialects.kitchen_sink import RESOURCES, definition

SEED = 20_261_123
VALUES: list[Any] = [
    None, True, False, 0, -1, 1.5, 1e308, "", " ", "x", "*", "${", "${ . }", "${ $SECRETS.a }",
    "${ fn:x }", "fn:double", [], {}, [1], [None], {"a": 1}, {"name": "x"}, {"<x>": 1}, "<x>",
    "PT1S", "P1M", "true", "\x00", "a" * 300, "file://retries.yaml", "file://broken.json",
]  # fmt: skip


def test_damaged_definitions_are_judged() -> None:
    chance = random.Random(SEED)
    members = sorted({str(path[-1]) for path in _paths(definition()) if path})
    accepted = 0
    for number in range(800):
        document = _damaged(chance, members)
        reading = read_definition(json.dumps(document).encode(), "application/json", RESOURCES)
        where = f"seed {SEED}, number {number}"
        assert {fault.code for fault in reading.faults} <= set(CODES), where
        assert (reading.program is None) == bool(reading.errors), where
        if reading.program is not None:
            accepted += 1
            assert mermaid(reading.program).startswith("flowchart TD"), where
    assert 0 < accepted < 800


def test_damaged_text_is_judged() -> None:
    chance = random.Random(SEED)
    whole = json.dumps(definition(), indent=1).encode()
    for number in range(300):
        text = bytearray(whole)
        for _ in range(chance.randint(1, 5)):
            text[chance.randrange(len(text))] = chance.choice(b'{}[]:,"\\&*!|>%@`#\n\t \xff\x00a0')
        for media_type in ("application/yaml", "application/json"):
            reading = read_definition(bytes(text), media_type, RESOURCES)
            where = f"seed {SEED}, number {number}, {media_type}"
            assert (reading.program is None) == bool(reading.errors), where


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> Any:
    yield path
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _paths(item, (*path, key))


def _damaged(chance: random.Random, members: list[str]) -> Any:
    document = definition()
    for _ in range(chance.randint(1, 3)):
        path = chance.choice([path for path in _paths(document) if path])
        parent: Any = document
        for key in path[:-1]:
            parent = parent[key]
        kind = chance.random()
        if kind < 0.4:
            parent[path[-1]] = deepcopy(chance.choice(VALUES))
        elif kind < 0.6:
            del parent[path[-1]]
        elif isinstance(parent, list):
            parent.append(deepcopy(chance.choice(parent)))
        elif kind < 0.8:
            parent[chance.choice(members)] = deepcopy(chance.choice(VALUES))
        else:
            parent[chance.choice(members)] = parent.pop(path[-1])
    return document
