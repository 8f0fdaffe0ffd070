"""Pass nodes: fixed or computed data is written."""

from engine.core.decide.flow import proceed
from engine.core.decide.turn import Turn
from engine.model.program import Pass
from schemas.events import bodies
from schemas.events.parts import Write


def enter(turn: Turn, frame_id: int, node: Pass) -> None:
    """Write the node's data into the frame."""
    frame = turn.frame(frame_id)
    selection = node.selection
    write = Write(
        path=selection.path, mode=selection.mode, value=turn.fill(node.data, frame, frame.data),
        source=selection.pointer or node.id,
    )  # fmt: skip
    turn.record(
        bodies.VariablesAssigned(writes=(write,)), frame=frame_id, node=node.id, name=node.name
    )
    proceed(turn, frame_id, node)
