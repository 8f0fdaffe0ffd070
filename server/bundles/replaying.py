"""The history in a bundle, folded: every event with what was told of it, and the state after it."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from engine.core.evolve import evolve
from engine.core.merge import DataFault
from engine.core.upcast import upcast
from engine.dialects.cncf_v08 import program_of
from engine.model.errors import RefoldError
from engine.model.event import Event
from engine.model.ids import parse_execution
from engine.model.limits import MAX_EVENTS_PER_EXECUTION
from engine.model.program import Program
from engine.model.state import ExecutionState
from schemas.events.wire import UnknownEventType, decode_body
from schemas.export import records
from server.bundles.checking import Checker, Report
from server.bundles.layout import BundleFault
from server.bundles.reading import Bundle, Definition
from server.bundles.telling import data_of

_MISFITS = (LookupError, TypeError, ArithmeticError, AttributeError, AssertionError)
_MAX_NUMBER = 2**31 - 1
_YEAR_10000_MS = 253_402_300_800_000


class Step(NamedTuple):
    """An event of a bundle. `data`: as it can be read here; `event` and `state` (after it) are None
    where it is sealed, or one before it is."""

    record: records.EventRecord
    data: bytes | None
    event: Event | None
    state: ExecutionState | None


class Replay:
    """Reads a bundle once: `steps`, then `report`."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._checker = Checker(bundle.manifest, bundle.definitions)
        self.report: Report | None = None
        self.born: records.ExecutionRecord | None = None

    def steps(self) -> Iterator[Step]:
        """Every event in order; at the end `report` says what the check found. Raises
        BundleFault."""
        execution_id = parse_execution(self._bundle.manifest.execution)
        state: ExecutionState | None = ExecutionState(id=execution_id)
        for record in self._bundle.records():
            self._checker.take(record)
            if isinstance(record, records.ExecutionRecord):
                self.born = record
            if isinstance(record, records.EventRecord):
                step = _step(record, state)
                state = step.state
                yield step
        self.report = self._checker.finish()


def _check_columns(record: records.EventRecord) -> None:
    """What no log could hold is no event, whatever its hashes say. Raises BundleFault."""
    numbers = (
        record.seq, record.version, record.causation, record.frame, record.branch,
        record.iteration, record.attempt,
    )  # fmt: skip
    texts = (record.type, record.actor, record.node, record.name, record.traceparent)
    if not (
        all(one is None or 0 <= one <= _MAX_NUMBER for one in numbers)
        and 0 <= record.at < _YEAR_10000_MS
        and not any(one is not None and "\0" in one for one in texts)
        and record.seq <= MAX_EVENTS_PER_EXECUTION * 2
    ):
        raise BundleFault(f"event {record.seq} is none that a log can hold")


def _step(record: records.EventRecord, state: ExecutionState | None) -> Step:
    _check_columns(record)
    data = data_of(record)
    if data is None or state is None:
        return Step(record, data, None, None)
    try:
        body = upcast(decode_body(record.type, record.version, data))
        event = Event(
            seq=record.seq, at=record.at, body=body, frame=record.frame, node=record.node,
            name=record.name, branch=record.branch, iteration=record.iteration,
            attempt=record.attempt, actor=record.actor, causation=record.causation,
            traceparent=record.traceparent,
        )  # fmt: skip
        return Step(record, data, event, evolve(state, event))
    except UnknownEventType as fault:
        raise BundleFault(f"event {record.seq}: {fault}") from None
    except (msgspec.MsgspecError, RefoldError, ValueError, RecursionError) as fault:
        raise BundleFault(f"event {record.seq} does not read: {fault}") from None
    except (*_MISFITS, DataFault) as fault:
        raise BundleFault(f"event {record.seq} does not fit what was before: {fault!r}") from None


def program_in(definition: Definition) -> Program:
    """The program that a definition of the bundle is. Raises BundleFault."""
    files = definition.files
    try:
        program = program_of(definition.source, files.media_type, definition.resources)
    except (RefoldError, ValueError) as fault:
        raise BundleFault(f"{files.file} does not read: {fault}") from None
    named = (program.workflow, program.definition_hash)
    if named != (files.workflow, files.hash):
        raise BundleFault(f"{files.file} is not the definition {files.hash} of {files.workflow}")
    return program
