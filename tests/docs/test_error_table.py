"""docs/errors.md names every error code that calls and states can end with."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAKERS = re.compile(r'\b(?:refused|raise_error|Error)\(\s*(?:code=)?"([a-z_]+(?:\.[a-z_]+)?)"')
PLACES = ("engine/adapters/handlers", "engine/adapters/nats", "engine/core", "engine/runtime")


def codes_made() -> set[str]:
    """Codes in calls that make errors of the workflow."""
    files = [path for place in PLACES for path in (ROOT / place).rglob("*.py")]
    return {code for path in files for code in MAKERS.findall(path.read_text())}


def codes_told() -> set[str]:
    """Codes of the table, and the one named below it."""
    page = (ROOT / "docs" / "errors.md").read_text()
    return set(re.findall(r"`([a-z_]+(?:\.[a-z_]+)?)`", page))


def test_every_code_is_in_the_table():
    made = codes_made()
    assert {"http.status", "worker.none", "switch.no_match", "timeout"} <= made
    assert made - codes_told() == set()
