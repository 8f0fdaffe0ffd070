"""Listen nodes: waits for CloudEvents and callbacks.

Source: Serverless Workflow 0.8, "Event State", "Callback State", "Switch State" (event conditions),
"Correlation Definition".
"""

from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from engine.core.decide import answering
from engine.core.decide.flow import END_OF_BODY, leave, proceed
from engine.core.decide.select import check_writes, selected
from engine.core.decide.turn import Turn
from engine.core.matching import fixed_correlation, text_of
from engine.core.merge import DataFault
from engine.expr import ExpressionFault
from engine.model.command import Arrived
from engine.model.program import EventDefinition, Listen, Listening
from engine.model.state import Frame, RunningTimer, Wait
from schemas.events import bodies
from schemas.events.parts import CloudEventRef, EventFilter, Write


def enter(turn: Turn, frame_id: int, node: Listen) -> None:
    """Open the wait; an answer that a callback gave early closes it at once."""
    frame = turn.frame(frame_id)
    counted = answering.count(turn, frame_id, node.name) if node.callback else answering.UNCOUNTED
    wait_id = turn.record(
        bodies.EventAwaited(
            mode=node.mode, filters=filters_of(turn, frame, node), callback=node.callback,
            path=counted.path, occurrence=counted.occurrence,
        ),
        frame=frame_id, node=node.id, name=node.name,
    )  # fmt: skip
    go_on_waiting(turn, wait_id, node)


def go_on_waiting(turn: Turn, wait_id: int, node: Listen) -> None:
    """The wait was opened: take what is there already, else set its time limit."""
    frame_id = turn.state.waits[wait_id].frame
    frame = turn.frame(frame_id)
    if node.callback and frame.answer:
        receive_callback(turn, turn.state.waits[wait_id], frame.answer[0])
    elif node.timeout_ms is not None:
        turn.record(
            bodies.TimerSet(
                purpose="event_timeout", due=turn.at + node.timeout_ms, subject=wait_id
            ),
            frame=frame_id, node=node.id, name=node.name,
        )  # fmt: skip


def filters_of(turn: Turn, frame: Frame, node: Listen) -> tuple[EventFilter, ...]:
    """What the wait accepts, with the correlation values evaluated, each event definition once."""
    definitions = {one.ref: one for entry in node.entries for one in entry.events}
    return tuple(_filter(turn, frame, one) for one in definitions.values())


def _filter(turn: Turn, frame: Frame, definition: EventDefinition) -> EventFilter:
    correlation = []
    for name, template in definition.correlation:
        value = None
        if template is not None:
            value = text_of(turn.fill(template, frame, frame.data))
        correlation.append((name, value))
    after = max(turn.state.from_position, turn.state.consumed.get(definition.ref, 0))
    return EventFilter(
        ref=definition.ref, type=definition.type, source=definition.source,
        correlation=tuple(correlation), after=after,
    )  # fmt: skip


def receive(
    turn: Turn, frame: Frame, node: Listen, ref: str, arrived: Arrived, wait: Wait | None
) -> None:
    """Take a CloudEvent for the wait (None: it starts the execution)."""
    definition = definition_of(node, ref)
    payload = arrived.payload if definition.data_only else arrived.whole
    correlation = fixed_correlation(turn.state, definition, arrived)
    if node.mode == "all" and wait is not None and missing(node, wait) != {ref}:
        turn.record(
            bodies.EventReceived(
                wait=wait.id, ref=ref, event=arrived.event, data=payload,
                correlation=correlation, done=False,
            ),
            frame=frame.id, node=node.id, name=node.name,
        )  # fmt: skip
        return
    satisfy(turn, frame, node, ref, payload, wait, arrived.event, correlation)


def receive_callback(turn: Turn, wait: Wait, data: Any) -> None:
    """Take the answer of a callback in place of its CloudEvent."""
    node = turn.program.nodes[wait.node]
    assert isinstance(node, Listen)
    ref = node.entries[0].events[0].ref
    satisfy(turn, turn.frame(wait.frame), node, ref, data, wait, None, {})


def satisfy(
    turn: Turn,
    frame: Frame,
    node: Listen,
    ref: str,
    payload: Any,
    wait: Wait | None,
    event: CloudEventRef | None,
    correlation: dict[str, str],
) -> None:
    """The last (or only) CloudEvent of the wait: write the payloads, go on."""
    entries = satisfied(node, ref)
    taken = bodies.EventReceived(
        wait=wait.id if wait is not None else 0, ref=ref, event=event, data=payload,
        correlation=correlation, asked=turn.circumstance.asked,
    )  # fmt: skip
    try:
        writes = _writes(turn, frame, node, entries, ref, payload, wait)
        filled = replace(taken, writes=writes)
        turn.record(filled, frame=frame.id, node=node.id, name=node.name)
    except (ExpressionFault, DataFault):
        turn.record(taken, frame=frame.id, node=node.id, name=node.name)  # it came: never again
        raise
    go_on(turn, frame, node, entries)


def satisfied(node: Listen, ref: str) -> list[Listening]:
    """The entries that are satisfied when the last (or only) CloudEvent was for this definition."""
    if node.mode == "all":
        return list(node.entries)
    return [next(one for one in node.entries if any(ref == e.ref for e in one.events))]


def go_on_received(
    turn: Turn, frame: Frame, node: Listen, taken: bodies.EventReceived, wait: Wait | None
) -> None:
    """The wait was satisfied by what is in the log: go on, or fail as its filter did."""
    entries = satisfied(node, taken.ref)
    if not taken.writes:
        payload = None if taken.data is UNSET else taken.data
        writes = _writes(turn, frame, node, entries, taken.ref, payload, wait)
        check_writes(frame, writes, {"data": payload, **_held(wait)})
    go_on(turn, frame, node, entries)


def _held(wait: Wait | None) -> dict[str, Any]:
    received = {} if wait is None else wait.received
    return {f"received:{ref}": value for ref, value in received.items()}


def _writes(
    turn: Turn, frame: Frame, node: Listen, entries: list[Listening], ref: str, payload: Any,
    wait: Wait | None,
) -> tuple[Write, ...]:  # fmt: skip
    """Where the payloads go: of the CloudEvent that came last, and of those the wait holds."""
    writes: list[Write] = []
    for entry in entries:
        for definition in entry.events:
            if node.mode == "any" and definition.ref != ref:
                continue
            origin = "data" if definition.ref == ref else f"received:{definition.ref}"
            value = payload if origin == "data" or wait is None else wait.received[definition.ref]
            writes += selected(turn, frame, entry.selection, value, origin)
    return tuple(writes)


def go_on(turn: Turn, frame: Frame, node: Listen, entries: list[Listening]) -> None:
    """The wait for these entries is satisfied: leave the state, run a body, or proceed."""
    way = entries[0].exit
    if way is not None:
        leave(turn, frame.id, way)
        return
    body = next((entry.body for entry in entries if entry.body is not None), None)
    if body is not None:
        turn.go(frame.id, body)
    else:
        proceed(turn, frame.id, node)


def definition_of(node: Listen, ref: str) -> EventDefinition:
    """The event definition of the node with this name."""
    return next(one for entry in node.entries for one in entry.events if one.ref == ref)


def missing(node: Listen, wait: Wait) -> set[str]:
    """Event definitions that an all-wait still lacks."""
    return {one.ref for entry in node.entries for one in entry.events} - set(wait.received)


def timed_out(turn: Turn, timer: RunningTimer) -> None:
    """No CloudEvent came in time: leave without performing any action."""
    wait = turn.state.waits[timer.subject]
    node = turn.program.nodes[wait.node]
    assert isinstance(node, Listen)
    turn.record(
        bodies.EventWaitClosed(wait=wait.id, reason="timeout"),
        frame=wait.frame, node=node.id, name=node.name,
    )  # fmt: skip
    leave_unsatisfied(turn, wait.frame, node)


def leave_unsatisfied(turn: Turn, frame_id: int, node: Listen) -> None:
    """The wait's time is over."""
    if node.on_timeout is not None:
        leave(turn, frame_id, node.on_timeout)
    else:
        turn.go(frame_id, END_OF_BODY)
