"""Forks and redrives: checked against the source's log, accepted with a note for the source."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import msgspec

from engine.core.decide.flow import check_size
from engine.core.decide.turn import Raised
from engine.core.step import step
from engine.core.timetravel.forking import (
    ForkFault,
    check_program,
    checked_policy,
    edited_cloudevent,
    edited_frame,
)
from engine.core.timetravel.patch import PatchFault, apply_patch
from engine.model.command import Arrived, Circumstance, ForkExecution, StartExecution
from engine.model.errors import Conflict
from engine.model.ids import format_execution, shard_of_key
from engine.model.program import Program
from engine.model.rejection import Rejection
from engine.model.state import ExecutionState
from engine.ports import requests
from engine.ports.rows import AcceptedFork, EventRow
from engine.runtime.arrivals import arrived_of, fetch
from schemas.api.answers import FaultPlace
from schemas.api.forks import Fork, ForkAnswer
from schemas.events.bodies import ExecutionForked, ForkTaken
from schemas.events.parts import (
    AnswerPolicy,
    Asked,
    EditedCloudEvent,
    Error,
    FrameEdit,
    MockAnswer,
)
from schemas.events.wire import encode_body
from schemas.json_text import dumps, loads, write_unknown
from server.api.door.exchange import Exchange, Services
from server.api.door.problem import ProblemRaised
from server.api.forks.foresight import foreseen
from server.api.forks.prefix import (
    Beginning,
    beginning_of,
    place_of_failed_state,
    place_of_failure,
)
from server.api.forks.redriven import check_not_redriven, once_key, redriven
from server.api.live.waiting import inbox_topic

_sorted = msgspec.json.Encoder(enc_hook=write_unknown, order="sorted")


@dataclass(frozen=True)
class Asker:
    """Who asks for a fork, where."""

    services: Services
    namespace: str
    actor: str
    asked: Asked
    traceparent: str | None = None

    @classmethod
    def of(cls, exchange: Exchange, reason: str = "") -> "Asker":
        """Whoever sent the request; a reason in its body counts before that of the header."""
        asked = exchange.asked
        if reason:
            asked = msgspec.structs.replace(asked, reason=reason)
        return cls(
            exchange.services, exchange.namespace, exchange.actor, asked, exchange.traceparent
        )


@dataclass(frozen=True)
class Order:
    """What is asked for. `redrive`: `wanted.at` is found, not given; `key`: its Idempotency-Key;
    `batch`: the bulk fork it is part of; `again`: also if it was redriven before."""

    wanted: Fork
    redrive: bool = False
    key: str | None = None
    batch: str = ""
    again: bool = False

    @property
    def is_named(self) -> bool:
        """Whether whoever asks has a key or a name for it."""
        return self.key is not None or self.wanted.name is not None

    @property
    def once(self) -> bool:
        """Whether it is a redrive that must be the first."""
        return self.redrive and not self.again


@dataclass(frozen=True)
class Plan:
    """A fork that was checked: the command that makes it, of which program, from what, under which
    start keys."""

    beginning: Beginning
    program: Program
    command: ForkExecution
    begin: requests.Beginning | None = None
    cloudevents: dict[int, Arrived] = field(default_factory=dict)
    keys: tuple[str, ...] = ()

    @property
    def body(self) -> ExecutionForked:
        """What the fork records of itself."""
        return self.command.body


async def fork(asker: Asker, source: UUID, order: Order) -> ForkAnswer:
    """Accept a fork (or foresee it: `dry_run`). Problems: not_found, execution.not_failed,
    execution.redriven, fork.*, patch.*, idempotency.mismatch."""
    try:
        return await _fork(asker, source, order)
    except ForkFault as fault:
        place = FaultPlace(detail=fault.message, pointer=fault.pointer)
        raise ProblemRaised(fault.code, fault.message, [place]) from None


async def _fork(asker: Asker, source: UUID, order: Order) -> ForkAnswer:
    last = await _last_event(asker, source)
    keys = await _keys(asker, source, order)
    if order.once:
        await check_not_redriven(asker.services, last, keys if order.is_named else ())
    asked_at = await _place(asker, last, order)
    plan = replace(await _planned(asker, source, order, asked_at, keys[0]), keys=keys)
    execution, replayed, dry_run = None, False, None
    if order.wanted.dry_run:
        dry_run = await foreseen(
            asker.services, source, plan.beginning.at, plan.program, plan.beginning.prefix.state,
            plan.command, plan.cloudevents,
        )  # fmt: skip
    else:
        accepted, replayed = await _accept(asker, source, order, plan)
        execution = format_execution(accepted)
    body = plan.body
    return ForkAnswer(
        execution=execution,
        source=format_execution(source),
        at=plan.beginning.at,
        asked_at=asked_at,
        workflow=body.workflow,
        version=body.version,
        definition_hash=body.definition_hash,
        replayed=replayed,
        redrive=order.redrive,
        edits=[loads(dumps(one)) for one in body.edits],
        dry_run=dry_run,
    )


async def _last_event(asker: Asker, source: UUID) -> EventRow:
    last = await asker.services.log.last_event(source)
    if last is not None and last.namespace == asker.namespace:
        return last
    known = last is None and await asker.services.inbox.is_accepted(asker.namespace, source)
    if known:
        raise ProblemRaised("execution.not_started", "it was accepted and has not begun; wait")
    raise ProblemRaised(
        "not_found", f"there is no execution {format_execution(source)} in this namespace"
    )


async def _place(asker: Asker, last: EventRow, order: Order) -> int:
    """Behind which event the fork is asked for."""
    wanted, log = order.wanted, asker.services.log
    at = 0 if wanted.at == "start" else wanted.at
    if order.redrive:
        return await place_of_failure(log, last)
    if wanted.patch_input is not None:
        if at:
            message = (
                "an edited input starts anew: leave `at` out, or edit the data with patch_data"
            )
            raise ForkFault("fork.invalid", message, "/at")
        return 0
    if at is None:
        raise ForkFault("fork.invalid", "say after which event: at", "/at")
    if at == "failed_state":
        return await place_of_failed_state(log, last)
    if at > last.seq:
        raise ProblemRaised("not_found", f"the last event is {last.seq}, there is no {at}")
    return at


async def _planned(asker: Asker, source: UUID, order: Order, asked_at: int, start_key: str) -> Plan:
    services, wanted = asker.services, order.wanted
    beginning = await beginning_of(services.log, source, asked_at)
    program = await _program(asker, wanted, beginning)
    policy = checked_policy(_policy(wanted), program)
    events = await _edited_events(asker, wanted, beginning)
    body = ExecutionForked(
        source=format_execution(source), at=beginning.at, source_hash=beginning.hash,
        workflow=program.workflow, version=program.version,
        definition_hash=program.definition_hash, dialect=program.dialect,
        ir_version=program.ir_version, policy=policy, name=wanted.name,
        start_key=start_key, edits=_edits(wanted, beginning), events=events,
        patch=_patch_of(wanted), redrive=order.redrive, batch=order.batch, asked=asker.asked,
    )  # fmt: skip
    if beginning.at:
        command = ForkExecution(body, beginning.prefix.broken_off)
        plan = Plan(beginning, program, command)
    else:
        plan = await _anew(asker, wanted, beginning, program, body)
    _check(plan)
    return plan


def _check(plan: Plan) -> None:
    """What the core would refuse is refused before it is accepted."""
    state = plan.beginning.prefix.state if plan.beginning.at else _new(plan)
    circumstance = Circumstance(at=state.at)
    made = step(plan.program, state, plan.command, circumstance)
    if isinstance(made, Rejection):
        raise ForkFault("fork.incompatible", made.message, "/version")


def _new(plan: Plan) -> ExecutionState:
    return ExecutionState(id=plan.beginning.prefix.state.id)


async def _program(asker: Asker, wanted: Fork, beginning: Beginning) -> Program:
    """The source's own definition there, or the version that is asked for."""
    state, started = beginning.prefix.state, beginning.prefix.origin.started
    assert started is not None, "there is an execution"
    own = state.definition_hash if beginning.at else started.definition_hash
    chosen = own
    if wanted.version is not None and wanted.definition_hash is not None:
        raise ForkFault("fork.invalid", "name a version or a hash, not both", "/definition_hash")
    if wanted.version is not None:
        _, chosen = await asker.services.definitions.resolve(
            asker.namespace, state.workflow, wanted.version
        )
    elif wanted.definition_hash is not None:
        chosen = wanted.definition_hash.removeprefix("def_")
    program = (await asker.services.programs.get(asker.namespace, chosen)).program
    if program.workflow != state.workflow:
        message = f"{chosen} is a version of {program.workflow}, not of {state.workflow}"
        raise ForkFault("fork.incompatible", message, "/definition_hash")
    if beginning.at and chosen != own:
        check_program(program, beginning.prefix)
    return program


def _edits(wanted: Fork, beginning: Beginning) -> tuple[FrameEdit, ...]:
    if wanted.patch_data is None:
        return ()
    if not beginning.at:
        raise ForkFault("fork.invalid", "before the first event there is only input", "/patch_data")
    try:
        edit = edited_frame(beginning.prefix.state, wanted.frame, wanted.patch_data)
        for write in edit.writes:
            check_size(write.value, "the edited state")
    except PatchFault as fault:
        raise _in_patch(fault, "/patch_data") from None
    except Raised as raised:
        raise ForkFault("fork.invalid", raised.error.message, "/patch_data") from None
    return (edit,) if edit.writes else ()


def _in_patch(fault: PatchFault, member: str) -> ForkFault:
    pointer = member if fault.operation is None else f"{member}/{fault.operation}"
    return ForkFault(fault.code, fault.message, pointer)


def _patch_of(wanted: Fork) -> Any:
    """What was asked for, as it was asked."""
    given = {
        "input": wanted.patch_input,
        "data": wanted.patch_data,
        "events": wanted.patch_events or None,
    }
    return {name: one for name, one in given.items() if one is not None} or None


def _policy(wanted: Fork) -> AnswerPolicy:
    mocks = {
        name: tuple(
            MockAnswer(one.result, None if one.error is None else Error(**one.error.model_dump()))
            for one in answers
        )
        for name, answers in wanted.mocks.items()
    }
    return AnswerPolicy(
        default=wanted.answers, actions=dict(wanted.actions), mocks=mocks, missing=wanted.missing,
        skip_timers=wanted.skip_timers,
    )  # fmt: skip


async def _arrived(asker: Asker, positions: tuple[int, ...], member: str) -> dict[int, Arrived]:
    found = await fetch(asker.services.streams, asker.namespace, positions)
    for position in positions:
        if position not in found:
            message = f"CloudEvent {position} of this namespace is not there, or not kept any more"
            raise ForkFault("fork.not_here", message, member)
    return {position: arrived_of(found[position]) for position in positions}


async def _edited_events(
    asker: Asker, wanted: Fork, beginning: Beginning
) -> tuple[EditedCloudEvent, ...]:
    patches = {int(position): patch for position, patch in wanted.patch_events.items()}
    taken = beginning.prefix.origin.taken if beginning.at else frozenset[int]()
    for position in patches:
        if position in taken:
            message = f"CloudEvent {position} was taken before event {beginning.at}; fork earlier"
            raise ForkFault("fork.invalid", message, f"/patch_events/{position}")
    arrived = await _arrived(asker, tuple(patches), "/patch_events")
    edited = []
    for position, patch in patches.items():
        try:
            edited.append(edited_cloudevent(position, arrived[position].whole, patch))
        except PatchFault as fault:
            raise _in_patch(fault, f"/patch_events/{position}") from None
    return tuple(edited)


async def _anew(
    asker: Asker, wanted: Fork, beginning: Beginning, program: Program, body: ExecutionForked
) -> Plan:
    """Nothing is copied: it starts as the source did."""
    origin = beginning.prefix.origin
    started = origin.started
    assert started is not None, "there is an execution"
    if origin.positions and wanted.patch_input is not None:
        message = "CloudEvents started it: edit these, with patch_events"
        raise ForkFault("fork.invalid", message, "/patch_input")
    mode = None if program.trigger is None else program.trigger.mode
    if origin.positions and mode != ("all" if origin.gathered else "any"):
        message = f"version {program.version} is not started by such CloudEvents"
        raise ForkFault("fork.incompatible", message, "/version")
    arrived = await _arrived(asker, origin.positions, "/at")
    given = _input(started.input, wanted)
    begin = requests.Beginning(
        input=msgspec.Raw(dumps(given)), from_position=started.from_position,
        positions=origin.positions, gathered=origin.gathered, labels=started.labels,
    )  # fmt: skip
    cloudevents = tuple(arrived[position] for position in origin.positions)
    if origin.gathered:
        command = ForkExecution(body, offers=cloudevents)
    else:
        start = StartExecution(
            input=given, name=body.name, start_key=body.start_key,
            from_position=started.from_position, labels=started.labels,
            trigger=cloudevents[0] if cloudevents else None,
        )  # fmt: skip
        command = ForkExecution(body, start=start)
    return Plan(beginning, program, command, begin, arrived)


def _input(given: Any, wanted: Fork) -> Any:
    if wanted.patch_input is None:
        return given
    try:
        return apply_patch(given, wanted.patch_input)
    except PatchFault as fault:
        raise _in_patch(fault, "/patch_input") from None


async def _keys(asker: Asker, source: UUID, order: Order) -> tuple[str, ...]:
    """Where they stand nothing is sealed: see `KeyOffice.veiled`."""
    named = None if order.wanted.name is None else f"name:{order.wanted.name}"
    veiled = asker.services.key_office.veiled
    given = [one for one in (order.key and f"key:{order.key}", named) if one]
    if order.once and not given:
        given = [once_key(source)]
    keys = [await veiled(asker.namespace, one) for one in given]
    return tuple(keys) or (f"auto:{uuid4().hex}",)


async def _accept(asker: Asker, source: UUID, order: Order, plan: Plan) -> tuple[UUID, bool]:
    services, body = asker.services, plan.body
    shards = services.installation.shards
    shard = shard_of_key(asker.namespace, body.workflow, plan.keys[0], shards)
    (minted,) = await services.inbox.mint(shard, 1)
    taken = ForkTaken(
        fork=format_execution(minted), at=body.at, redrive=order.redrive, batch=order.batch,
        asked=asker.asked,
    )  # fmt: skip
    request = requests.ForkRequest(
        source=body.source, at=body.at, forked=msgspec.Raw(encode_body(body)), begin=plan.begin
    )
    accepted = AcceptedFork(
        namespace=asker.namespace, workflow=body.workflow,
        keys=plan.keys, fork=minted,
        body=requests.encode(request), source=source,
        note=requests.encode(requests.ForkedNote(taken=msgspec.Raw(encode_body(taken)))),
        request_hash=_request_hash(source, order), actor=asker.actor,
        traceparent=asker.traceparent,
    )  # fmt: skip
    is_first = order.once and not order.is_named
    try:
        execution_id, replayed = await services.inbox.accept_fork(accepted)
    except Conflict as error:
        if is_first:
            raise await _redriven_just_now(asker, source, accepted) from None
        raise ProblemRaised("idempotency.mismatch", error.message) from None
    if replayed and is_first:
        raise redriven(source, format_execution(execution_id))
    for one in (execution_id, source):
        await services.hints.notify(inbox_topic(one))
    return execution_id, replayed


async def _redriven_just_now(asker: Asker, source: UUID, fork: AcceptedFork) -> ProblemRaised:
    """Its log does not tell of it yet; the key does."""
    catalog = asker.services.catalog
    made = await catalog.find_by_key(fork.namespace, fork.workflow, fork.keys[0])
    assert made is not None, "the key was refused because of it"
    return redriven(source, format_execution(made))


def _request_hash(source: UUID, order: Order) -> bytes:
    """Tells whether a request is the same one again: what was asked, not why."""
    wanted = order.wanted.model_dump(exclude={"reason", "dry_run"})
    return hashlib.sha256(b"fork" + _sorted.encode([source.hex, order.redrive, wanted])).digest()
