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
from engine.model.program import Program
from engine.model.state import ExecutionState
from schemas.events.wire import UnknownEventType, decode_body
from schemas.export import records
from server.bundles.checking import Checker, Report
from server.bundles.layout import BundleFault
from server.bundles.reading import Bundle, Definition
from server.bundles.telling import data_of


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


def _step(record: records.EventRecord, state: ExecutionState | None) -> Step:
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
    except (LookupError, TypeError, ArithmeticError, AttributeError, DataFault) as fault:
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
