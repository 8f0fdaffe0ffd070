"""Timer nodes, and timers that only mean "go on from here"."""

from engine.core.decide import answering
from engine.core.decide.flow import proceed
from engine.core.decide.turn import Turn
from engine.model.program import Timer
from engine.model.state import RunningTimer
from schemas.events import bodies


def enter(turn: Turn, frame_id: int, node: Timer) -> None:
    """Wait for the node's duration."""
    duration_ms = 0 if answering.skips_timers(turn.state) else node.duration_ms
    turn.record(
        bodies.TimerSet(purpose="sleep", due=turn.at + duration_ms),
        frame=frame_id, node=node.id, name=node.name,
    )  # fmt: skip


def slept(turn: Turn, timer: RunningTimer) -> None:
    """The sleep is over."""
    proceed(turn, timer.frame, turn.program.nodes[timer.node])


def put_off(turn: Turn) -> None:
    """Too much for one step: what is left to enter goes on with the next one, by timers that are
    due at once, so that no loop keeps an engine from its other executions."""
    while turn.todo:
        frame_id, node_id = turn.todo.popleft()
        if frame_id in turn.state.frames:
            turn.record(bodies.TimerSet(purpose="yield", due=turn.at), frame=frame_id, node=node_id)


def resumed(turn: Turn, timer: RunningTimer) -> None:
    """A step that was put off goes on."""
    turn.go(timer.frame, timer.node)
