"""Choose nodes: the first true case decides how the state is left."""

from engine.core.decide.flow import leave
from engine.core.decide.turn import Turn, raise_error
from engine.model.program import Choose, Exit
from schemas.events import bodies


def enter(turn: Turn, frame_id: int, node: Choose) -> None:
    """Decide, and leave the state."""
    frame = turn.frame(frame_id)
    for case in node.cases:
        turn.place = f"{case.pointer}/condition"
        if turn.condition(case.when, frame):
            _take(turn, frame_id, case.pointer, node.name, case.name, case.when.source, case.exit)
            return
    turn.place = node.id
    if node.default is None:
        raise_error(
            "switch.no_match",
            f"no condition of {node.name!r} is true and it has no defaultCondition; add one",
        )
    _take(turn, frame_id, node.default.pointer, node.name, "default", None, node.default)


def _take(
    turn: Turn, frame_id: int, pointer: str, name: str, case: str, when: str | None, way: Exit
) -> None:
    target = turn.program.nodes[way.target].name if way.target is not None else None
    turn.record(
        bodies.ChoiceTaken(case=case, condition=when, next=target),
        frame=frame_id, node=pointer, name=name,
    )  # fmt: skip
    turn.place = pointer
    leave(turn, frame_id, way)
