"""How executions begin: by request, by one CloudEvent, or by a gathering of several.

Source: Serverless Workflow 0.8, "Start Definition", "Event State" (as starting state).
"""

from typing import Any

from engine.core.decide import holds, listen, scope
from engine.core.decide.nodes import guarded
from engine.core.decide.turn import Turn
from engine.core.matching import accepting, fixed_correlation, text_of, trigger_accepts
from engine.model.command import Arrived, OfferEvent, StartExecution
from engine.model.program import EventDefinition, Listen, Scope, Trigger
from engine.model.rejection import Rejection
from schemas.events import bodies
from schemas.events.parts import CloudEventRef, EventFilter


def start(turn: Turn, command: StartExecution, fork: bodies.ExecutionForked | None = None) -> None:
    """Begin; a CloudEvent that starts the execution is what its first state waited for. `fork`: it
    is another execution that is begun anew."""
    arrived = command.trigger
    position = command.from_position if arrived is None else arrived.event.position
    _started(turn, command, position, None if arrived is None else arrived.event)
    if fork is not None:
        turn.record(fork, frame=turn.state.root)
    program = turn.program
    if arrived is None or program.trigger is None:
        turn.go(turn.state.root, program.start)
        return
    node = program.nodes[program.trigger.listen]
    assert isinstance(node, Listen)
    ref = _ref_of(turn, program.trigger, arrived)
    opened = _open_first(turn)
    if opened is not None:
        frame, turn.place = turn.frame(opened), node.id
        guarded(turn, opened, lambda: listen.receive(turn, frame, node, ref, arrived, None))
        holds.break_in_first(turn, opened)


def _started(
    turn: Turn, command: StartExecution, position: int, trigger: CloudEventRef | None
) -> None:
    program = turn.program
    turn.record(
        bodies.ExecutionStarted(
            workflow=program.workflow, version=program.version,
            definition_hash=program.definition_hash, dialect=program.dialect,
            ir_version=program.ir_version, input={} if command.input is None else command.input,
            name=command.name, start_key=command.start_key, from_position=position,
            trigger=trigger, labels=command.labels, asked=turn.circumstance.asked,
        ),
        name=program.workflow,
    )  # fmt: skip


def _open_first(turn: Turn) -> int | None:
    first = turn.program.nodes[turn.program.start]
    assert isinstance(first, Scope)
    return scope.open_state(turn, turn.state.root, first)


def _ref_of(turn: Turn, trigger: Trigger, arrived: Arrived) -> str:
    """The trigger's event definition that the CloudEvent satisfied; the matcher found one."""
    ref = trigger_accepts(trigger, turn.program.constants, arrived)
    return ref if ref is not None else trigger.events[0].ref


def offer(
    turn: Turn, command: OfferEvent, fork: bodies.ExecutionForked | None = None
) -> Rejection | None:
    """A CloudEvent for a start that needs several. `fork`: see `start`."""
    trigger = turn.program.trigger
    assert trigger is not None
    if turn.state.phase == "new":
        _open_gathering(turn, trigger, command.arrived)
        if fork is not None:
            turn.record(fork)
    (wait,) = turn.state.waits.values()
    arrived = command.arrived
    ref = accepting(turn.state, wait, arrived)
    if ref is None:
        return Rejection("event.not_wanted", "the gathering does not lack this CloudEvent")
    node = turn.program.nodes[trigger.listen]
    assert isinstance(node, Listen)
    if listen.missing(node, wait) != {ref}:
        _gather(turn, node, ref, arrived, wait.id)
        return None
    named = StartExecution() if fork is None else _named_as(fork)
    _started(turn, named, arrived.event.position, None)
    opened = _open_first(turn)
    if opened is not None:
        frame, turn.place = turn.frame(opened), node.id
        guarded(turn, opened, lambda: listen.receive(turn, frame, node, ref, arrived, wait))
        holds.break_in_first(turn, opened)
    elif wait.id in turn.state.waits:
        turn.record(
            bodies.EventWaitClosed(wait=wait.id, reason="cancelled"), node=node.id, name=node.name
        )
    return None


def _named_as(fork: bodies.ExecutionForked) -> StartExecution:
    return StartExecution(name=fork.name, start_key=fork.start_key)


def _gather(turn: Turn, node: Listen, ref: str, arrived: Arrived, wait: int) -> None:
    definition = listen.definition_of(node, ref)
    payload: Any = arrived.payload if definition.data_only else arrived.whole
    turn.record(
        bodies.EventReceived(
            wait=wait, ref=ref, event=arrived.event, data=payload, done=False,
            correlation=fixed_correlation(turn.state, definition, arrived),
        ),
        node=node.id, name=node.name,
    )  # fmt: skip


def _open_gathering(turn: Turn, trigger: Trigger, arrived: Arrived) -> None:
    program, after = turn.program, arrived.event.position - 1
    opened = turn.record(
        bodies.GatheringOpened(
            workflow=program.workflow, version=program.version,
            definition_hash=program.definition_hash, dialect=program.dialect,
            ir_version=program.ir_version, trigger=trigger.node, from_position=after,
            filters=tuple(_filter(turn, one, after) for one in trigger.events),
        ),
        node=trigger.listen, name=program.nodes[trigger.node].name,
    )  # fmt: skip
    if trigger.timeout_ms is not None:
        turn.record(
            bodies.TimerSet(
                purpose="event_timeout", due=arrived.at + trigger.timeout_ms, subject=opened
            ),
            node=trigger.listen,
        )  # fmt: skip


def _filter(turn: Turn, definition: EventDefinition, after: int) -> EventFilter:
    constants = {"CONST": turn.program.constants}
    fixed = tuple(
        (name, None if value is None else text_of(turn.values.fill(value, {}, constants)))
        for name, value in definition.correlation
    )
    return EventFilter(
        ref=definition.ref, type=definition.type, source=definition.source, correlation=fixed,
        after=after,
    )  # fmt: skip


def expire(turn: Turn) -> None:
    """Not all CloudEvents came in time: no execution is made."""
    (wait,) = turn.state.waits.values()
    missing = tuple(one.ref for one in wait.filters if one.ref not in wait.received)
    turn.record(bodies.GatheringExpired(missing=missing))
