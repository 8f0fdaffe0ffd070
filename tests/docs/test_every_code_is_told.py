"""docs/errors.md tells every code that anything in the program can end with."""

import re
from pathlib import Path

from engine.dialects.cncf_v08.codes import CODES
from server.api.door.catalogue import PROBLEMS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "errors.md").read_text()
TOLD = set(re.findall(r"`([a-z_]+(?:\.[a-z_]+)*)`", PAGE))
SOURCES = {
    path: path.read_text()
    for package in ("engine", "projections", "schemas", "server")
    for path in (ROOT / package).rglob("*.py")
}


def named(pattern: str) -> set[str]:
    """What the pattern finds in all sources."""
    return {code for text in SOURCES.values() for code in re.findall(pattern, text)}


def test_faults_of_definitions_and_problems_of_the_api() -> None:
    assert len(CODES) > 80
    assert set(CODES) | set(PROBLEMS) <= TOLD


def test_faults_of_cloudevents() -> None:
    codes = named(r'"(cloudevent\.[a-z_]+)"')
    assert len(codes) > 9
    assert codes - TOLD == set()


def test_codes_of_exceptions() -> None:
    codes = named(r'(?m)^    code = "([a-z_.]+)"')
    assert {"shard.fenced", "settings.invalid", "data.type"} <= codes
    assert codes - TOLD == set()


def test_refusals_of_the_core() -> None:
    codes = named(r'Rejection\(\s*"([a-z_.]+)"')
    assert {"execution.closed", "wait.not_open"} <= codes
    assert codes - TOLD == set()
