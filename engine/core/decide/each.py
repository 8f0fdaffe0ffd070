"""Each nodes: one iteration for every element, results in input order (decisions 4 to 9)."""

from typing import Any

from engine.core.decide.flow import END_OF_BODY, proceed
from engine.core.decide.turn import Turn, raise_error
from engine.model.limits import MAX_FAN_OUT
from engine.model.program import Each
from engine.model.state import Frame
from schemas.events import bodies
from schemas.events.parts import Write


def enter(turn: Turn, frame_id: int, node: Each) -> None:
    """Evaluate the collection and start the first iterations."""
    items = _items(turn, turn.frame(frame_id), node)
    turn.record(
        bodies.IterationsOpened(
            items=items, parameter=node.parameter, mode=node.mode, batch=node.batch
        ),
        frame=frame_id, node=node.id, name=node.name,
    )  # fmt: skip
    if items:
        start_more(turn, turn.frame(frame_id), node)
    else:
        join(turn, frame_id, node)


def _items(turn: Turn, frame: Frame, node: Each) -> list[Any]:
    items = turn.evaluate(node.collection, frame, frame.data)
    if not isinstance(items, list):
        raise_error(
            "foreach.not_array",
            f"inputCollection {node.collection.source!r} of {node.name!r} did not give an array",
        )
    if len(items) > MAX_FAN_OUT:
        raise_error(
            "foreach.too_many",
            f"{node.name!r} iterates over {len(items)} elements, the limit is {MAX_FAN_OUT}",
        )
    return items


def start_more(turn: Turn, frame: Frame, node: Each) -> None:
    """Start what may start now: one iteration, a batch, or all. Those before have completed, but
    for the ones that this very move has started."""
    width = 1 if frame.mode == "sequential" else frame.batch or frame.total
    for number in range(frame.started, min(len(frame.done) + width, frame.total)):
        opened = turn.record(
            bodies.IterationStarted(),
            frame=frame.id, node=node.id, name=node.name, iteration=number,
        )  # fmt: skip
        turn.go(opened, node.body if node.body is not None else END_OF_BODY)


def finished(turn: Turn, iteration: Frame) -> None:
    """An iteration reached its end: the next one, the next batch, or the join."""
    node = turn.program.nodes[iteration.node]
    assert isinstance(node, Each)
    turn.record(bodies.IterationCompleted(), frame=iteration.id, node=node.id, name=node.name)
    next_or_join(turn, iteration.parent, node)


def next_or_join(turn: Turn, parent_id: int, node: Each) -> None:
    """An iteration completed: start what may start now, or join all when it was the last."""
    parent = turn.frame(parent_id)
    if len(parent.done) == parent.total:
        join(turn, parent.id, node)
    elif len(parent.done) == parent.started:
        start_more(turn, parent, node)


def join(turn: Turn, frame_id: int, node: Each) -> None:
    """All iterations are done: collect their results."""
    writes: tuple[Write, ...] = ()
    if node.output is not None:
        source = node.output_pointer or node.id
        writes = (Write(path=node.output, mode="append", of="iterations", source=source),)
    turn.record(
        bodies.IterationsJoined(writes=writes), frame=frame_id, node=node.id, name=node.name
    )
    proceed(turn, frame_id, node)
