"""A checked definition -> Program: one scope for each state, and the nodes of its type inside."""

from collections.abc import Mapping
from typing import Any

from engine.dialects.cncf_v08 import functions, head, retries, selections, unsupported
from engine.dialects.cncf_v08.compilation import Compilation
from engine.dialects.cncf_v08.exits import catches, exit_of
from engine.dialects.cncf_v08.findings import Findings
from engine.dialects.cncf_v08.flow import check_reachable, start_of
from engine.dialects.cncf_v08.parse import read_workflow
from engine.dialects.cncf_v08.relax import relax
from engine.dialects.cncf_v08.resources import Resources
from engine.dialects.cncf_v08.sections import SectionReader
from engine.dialects.cncf_v08.states import (
    callback,
    event,
    foreach,
    inject,
    operation,
    parallel,
    sleep,
    switch,
)
from engine.dialects.cncf_v08.timeouts import check_places
from engine.dialects.source import Source, escape
from engine.model.limits import MAX_STATES
from engine.model.program import DATA_SUBJECT, Exit, Program, Scope, Text, Trigger
from schemas.dsl.cncf_v08 import (
    AnyState,
    CallbackState,
    EventState,
    ForEachState,
    InjectState,
    OperationState,
    ParallelState,
    SleepState,
    SwitchState,
)

DIALECT = "cncf-0.8"


def compile_definition(
    source: Source, documents: Mapping[str, bytes], findings: Findings
) -> Program | None:
    """Check and compile. None: there are faults, all of them in `findings`."""
    value = relax(source.value, findings)
    resources = Resources(documents, findings)
    shape = read_workflow(value, findings)
    if shape is None:
        return None
    workflow = shape.workflow
    whole = not findings.refused
    head.check(workflow, source.value, findings)
    sections = SectionReader(shape, resources, findings).read()
    compilation = Compilation(workflow, sections, resources, findings)
    start, trigger = _check_and_lower(compilation, whole=whole)
    if findings.refused:
        return None
    return _program(compilation, source.value, start, trigger)


def _check_and_lower(compilation: Compilation, *, whole: bool) -> tuple[str, Trigger | None]:
    """The first state, and what starts it. `whole`: the shape check took no part out, so that what
    is missing is missing."""
    findings, states = compilation.findings, compilation.workflow.states
    if len(states) > MAX_STATES:
        message = f"{len(states)} states are too many, allowed are {MAX_STATES}"
        findings.error("definition.limit.states", "/states", message)
    unsupported.check(compilation)
    for number, state in enumerate(states):
        _state(compilation, state, f"/states/{number}")
    functions.check_unused(compilation)
    retries.check_unused(compilation)
    selections.tell_of_plain_results(compilation)
    start = start_of(compilation)
    if whole:
        check_reachable(compilation, start)
    return start, _trigger(compilation, start)


def _state(compilation: Compilation, state: AnyState, pointer: str) -> None:
    given = state.state_data_filter
    place = f"{pointer}/stateDataFilter"
    check_places(compilation, state, state.type, pointer)
    scope = Scope(
        id=pointer,
        name=state.name,
        scope="",
        type=state.type,
        body=_body(compilation, state, pointer),
        input=_filter(compilation, given.input if given else None, f"{place}/input"),
        output=_filter(compilation, given.output if given else None, f"{place}/output"),
        exit=_exit(compilation, state, pointer),
        catches=catches(compilation, pointer, state.on_errors),
    )
    compilation.add(scope)


def _filter(compilation: Compilation, given: str | None, pointer: str) -> Text | None:
    return compilation.expressions.optional(given, pointer)


def _exit(compilation: Compilation, state: AnyState, pointer: str) -> Exit:
    if isinstance(state, SwitchState):
        return Exit(pointer=pointer)
    required = not state.used_for_compensation
    return exit_of(compilation, pointer, state.transition, state.end, pointer, required=required)


def _body(compilation: Compilation, state: AnyState, pointer: str) -> str | None:
    match state:
        case EventState():
            return event.lower(compilation, state, pointer)
        case OperationState():
            return operation.lower(compilation, state, pointer)
        case SwitchState():
            return switch.lower(compilation, state, pointer)
        case SleepState():
            return sleep.lower(compilation, state, pointer)
        case InjectState():
            return inject.lower(compilation, state, pointer)
        case ParallelState():
            return parallel.lower(compilation, state, pointer)
        case ForEachState():
            return foreach.lower(compilation, state, pointer)
        case CallbackState():
            return callback.lower(compilation, state, pointer)


def _program(compilation: Compilation, value: Any, start: str, trigger: Trigger | None) -> Program:
    workflow, sections = compilation.workflow, compilation.sections
    definition_hash = head.hash_of(value, compilation.resources.used())
    return Program(
        workflow=workflow.id or workflow.key or "",
        version=workflow.version or f"0-{definition_hash[:8]}",
        name=workflow.name or workflow.id or workflow.key or "",
        dialect=DIALECT,
        definition_hash=definition_hash,
        start=start,
        nodes=compilation.nodes,
        trigger=trigger,
        constants=sections.constants,
        secrets=tuple(sections.secrets),
        correlation_attributes=_correlation_attributes(compilation),
        metadata=_metadata(compilation),
    )


def _metadata(compilation: Compilation) -> dict[str, str]:
    """As given, but of the one member that means something to the engine the compiled source."""
    metadata = dict(compilation.workflow.metadata or {})
    subject = _filter(compilation, metadata.get(DATA_SUBJECT), f"/metadata/{escape(DATA_SUBJECT)}")
    return metadata if subject is None else {**metadata, DATA_SUBJECT: subject.source}


def _trigger(compilation: Compilation, start: str) -> Trigger | None:
    state = compilation.workflow.states[int(start.rpartition("/")[2])]
    if not isinstance(state, EventState):
        return None
    return event.trigger_of(compilation, state, start)


def _correlation_attributes(compilation: Compilation) -> tuple[str, ...]:
    return tuple(
        sorted(
            {
                rule.context_attribute_name.lower()
                for definition in compilation.sections.events
                for rule in definition.correlation or ()
            }
        )
    )
