"""Fork nodes: branches on copies of the data, joined in declaration order (decisions 1 to 3)."""

from engine.core.decide.flow import END_OF_BODY, cancel_child, proceed
from engine.core.decide.turn import Turn, raise_error
from engine.model.program import Fork
from engine.model.state import Frame
from schemas.events import bodies
from schemas.events.parts import Write


def enter(turn: Turn, frame_id: int, node: Fork) -> None:
    """Start all branches."""
    start_from(turn, frame_id, node, 0, _needed(turn, turn.frame(frame_id), node))


def start_from(turn: Turn, frame_id: int, node: Fork, first: int, needed: int) -> None:
    """Start the branches from this number on."""
    for number, branch in enumerate(node.branches[first:], first):
        opened = turn.record(
            bodies.BranchStarted(total=len(node.branches), needed=needed),
            frame=frame_id, node=node.id, name=branch.name, branch=number,
        )  # fmt: skip
        turn.go(opened, branch.body if branch.body is not None else END_OF_BODY)


def _needed(turn: Turn, frame: Frame, node: Fork) -> int:
    total = len(node.branches)
    needed = total if node.needed is None else node.needed
    if not isinstance(needed, int):
        needed = turn.evaluate(needed, frame, frame.data)
    if not isinstance(needed, int) or isinstance(needed, bool) or not 1 <= needed <= total:
        raise_error(
            "parallel.bad_number",
            f"numCompleted of {node.name!r} is {needed!r}; it must be a number from 1 to {total}",
        )
    return needed


def finished(turn: Turn, branch: Frame) -> None:
    """A branch reached its end: join when enough of them did."""
    turn.record(bodies.BranchCompleted(), frame=branch.id, node=branch.node, name=branch.name)
    join_if_enough(turn, branch.parent, branch.node)


def join_if_enough(turn: Turn, parent_id: int, node_id: str) -> None:
    """A branch completed: when enough of them did, the rest is cancelled and all are joined."""
    parent = turn.frame(parent_id)
    if len(parent.done) < parent.needed:
        return
    for late in [one for one in turn.state.frames.values() if one.parent == parent.id]:
        cancel_child(turn, late, "enough branches completed")
    node = turn.program.nodes[node_id]
    turn.record(
        bodies.BranchJoined(
            branches=tuple(sorted(parent.done)), writes=(Write(of="branches", source=node.id),)
        ),
        frame=parent.id, node=node.id, name=node.name,
    )  # fmt: skip
    proceed(turn, parent.id, node)
