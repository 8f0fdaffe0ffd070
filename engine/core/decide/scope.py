"""Entering a state."""

from engine.core.decide.flow import END_OF_BODY, Faults, error_of, fail
from engine.core.decide.turn import Turn
from engine.model.program import Scope
from schemas.events import bodies
from schemas.events.parts import Write


def open_state(turn: Turn, frame_id: int, node: Scope) -> int | None:
    """Open the state's frame with its filtered input; returns its id, None when the filter failed
    (the error was brought to a handler then)."""
    parent = turn.frame(frame_id)
    write, fault = Write(mode="replace", of="parent", source=node.id), None
    if node.input is not None:
        try:
            turn.place = f"{node.id}/stateDataFilter/input"
            selected = turn.evaluate(node.input, parent, parent.data)
        except Faults as caught:
            selected, fault = None, caught
        if selected is not None:
            pointer = f"{node.id}/stateDataFilter/input"
            write = Write(mode="replace", value=selected, source=pointer)
    opened = turn.record(
        bodies.StateEntered(type=node.type, writes=(write,)),
        frame=frame_id, node=node.id, name=node.name,
    )  # fmt: skip
    if fault is None:
        return opened
    fail(turn, opened, error_of(fault))
    return None


def enter(turn: Turn, frame_id: int, node: Scope) -> None:
    """Enter the state and go on with its first node."""
    opened = open_state(turn, frame_id, node)
    if opened is not None:
        turn.go(opened, node.body if node.body is not None else END_OF_BODY)
