"""docs/debugging.md: its walk-through is what an execution of its definition does, and the commands
and options that it names exist."""

import re
from pathlib import Path

import typer

from engine.dialects.cncf_v08 import program_of
from schemas.api.debugging import SetBreakpoint
from server.cli.main import app
from tests.property.core_run import CoreRun

PAGE = (Path(__file__).parents[2] / "docs" / "debugging.md").read_text()


def events_shown():
    """The number of the last event, at the breakpoint and after the step."""
    return [int(number) for number in re.findall(r"(?m)^events?\s+(\d+)$", PAGE)]


def test_the_walk_through_is_what_happens():
    [definition] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    [condition] = re.findall(r"break set orders/Decide --if '(.*?)'", PAGE)
    run = CoreRun(program_of(definition.encode()))
    run.break_at(("bp_1", "Decide", condition, 1.0, 60_000))
    run.start({"price": 7, "count": 3})
    at_breakpoint, after_step = events_shown()
    assert run.state.seq == at_breakpoint
    assert [one.name for one in run.state.held.values()] == ["Decide"]
    assert run.go_step()
    assert run.state.seq == after_step
    assert [one.name for one in run.state.held.values()] == ["Ship"]
    assert run.resume()
    assert run.state.output == {"price": 7, "count": 3, "total": 21, "shipped": True}


def test_every_command_and_member_that_it_names_exists():
    root = typer.main.get_command(app)
    named = set(re.findall(r"refold (\w+) ([a-z]+)", PAGE))
    assert {("exec", "step"), ("break", "set")} <= named
    for noun, verb in named:
        assert verb in root.commands[noun].commands, f"refold {noun} {verb}"
    options = {text for one in root.commands["break"].commands["set"].params for text in one.opts}
    rows = re.findall(r"(?m)^\| `(--\w[\w-]*)[^`]*` \| `(\w+)", PAGE)
    assert len(rows) == 8
    assert {option for option, _ in rows} <= options
    assert {member for _, member in rows} <= set(SetBreakpoint.model_fields)
