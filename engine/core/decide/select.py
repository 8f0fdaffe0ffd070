"""From a result or payload to writes: the event and action data filters of DSL 0.8.

Source: Serverless Workflow 0.8, "Action data filters", "Event data filters".
"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from engine.core.decide.turn import Turn
from engine.core.evolve.frames import written
from engine.model.program import DataSelection
from engine.model.state import Frame
from schemas.events.parts import Write


def selected(
    turn: Turn, frame: Frame, selection: DataSelection, result: Any, origin: str
) -> tuple[Write, ...]:
    """The writes that bring a result into the frame's data. `origin` is what `of` names when the
    result goes in as it is. Raises ExpressionFault, Pending."""
    if not selection.use:
        return ()
    value, write = result, Write(of=origin, source=selection.pointer)
    if selection.select is not None:
        turn.place = selection.pointer
        value = turn.evaluate(selection.select, frame, result)
        write = Write(value=value, source=selection.pointer)
    write = replace(write, mode=selection.mode, path=selection.path)
    if selection.path or isinstance(value, dict):
        return (write,)
    return _placed(write, selection, value, frame)


def _placed(write: Write, selection: DataSelection, value: Any, frame: Frame) -> tuple[Write, ...]:
    """Where a scalar or array without a place of its own goes (decision 11): in an iteration it is
    the result, elsewhere it gets the place that the front end chose; null goes nowhere."""
    if value is None:
        return ()
    if selection.path_for_plain is not None:
        return (replace(write, path=selection.path_for_plain),)
    return (replace(write, mode="result") if frame.kind == "iteration" else write,)


def check_writes(frame: Frame, writes: tuple[Write, ...], facts: Mapping[str, Any]) -> None:
    """Whether the frame's data takes the writes. Raises DataFault."""
    written(frame, writes, facts)
