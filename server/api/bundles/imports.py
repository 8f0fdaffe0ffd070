"""Bringing an execution of another installation here: proved, staged, accepted, copied."""

import asyncio
import contextlib
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import IO
from uuid import UUID

import msgspec
from aiohttp import web

from engine.core.chain import SALT_BYTES, is_canonical, merkle_root
from engine.model.errors import Conflict, NotFound
from engine.model.ids import format_execution, parse_execution, shard_of_key
from engine.model.state import ExecutionState
from engine.ports.imports import PAGE_BYTES, PAGE_ROWS, AcceptedImport, StagedRow, page_of
from engine.ports.requests import ImportRequest, encode
from engine.ports.rows import DefinitionRow
from schemas.api.answers import FaultPlace
from schemas.api.bundles import ImportAnswer
from schemas.events.bodies import ExecutionImported, ExecutionStarted
from schemas.events.wire import encode_body
from server.api.bundles.gathering import MEDIA_TYPE
from server.api.door.body import media_type_of
from server.api.door.exchange import Exchange
from server.api.door.pace import Pace
from server.api.door.problem import ProblemRaised
from server.api.door.reply import json_reply
from server.api.live.tails import TAILS
from server.api.live.waiting import inbox_topic, log_topic, rung, woken
from server.bundles.layout import MAX_FILE_BYTES, BundleFault
from server.bundles.reading import Bundle, Definition
from server.bundles.replaying import Replay, Step, program_in

MEDIA_TYPES = (MEDIA_TYPE, "application/zip", "application/octet-stream")
_CHUNK = 262_144
_LOOK_S = 1.0
MAX_AT_ONCE = 4
"""Imports that one server takes at once: each may have a gigabyte on its disk."""

_arriving: set[object] = set()


@dataclass
class Arrival:
    """A bundle that was looked through. `key`: the start key that its bytes give."""

    bundle: Bundle
    key: str
    state: ExecutionState
    start_key: str | None
    hashes: dict[str, None]


async def accept(exchange: Exchange) -> web.Response:
    """POST /imports: the same file again is the same execution."""
    media_type_of(exchange, *MEDIA_TYPES)
    wait_s = exchange.wait_s
    with exchange.request.app[TAILS].place(), _place(), tempfile.TemporaryFile() as file:
        digest = await _received(exchange, file)
        try:
            answer = await admitted(exchange, file, digest)
        except BundleFault as fault:
            raise ProblemRaised("bundle.malformed", fault.message) from None
    headers = {"Location": f"/v1/namespaces/{exchange.namespace}/executions/{answer.execution}"}
    if wait_s:
        answer = await _when_copied(exchange, answer, wait_s)
        headers["Preference-Applied"] = f"wait={wait_s}"
    return json_reply(answer, 200 if answer.replayed else 201, headers)


@contextlib.contextmanager
def _place() -> Iterator[None]:
    """A place for a file on this server's disk. Problem: streams.too_many."""
    if len(_arriving) >= MAX_AT_ONCE:
        raise ProblemRaised("streams.too_many", f"{MAX_AT_ONCE} imports are under way already")
    mark = object()
    _arriving.add(mark)
    try:
        yield
    finally:
        _arriving.discard(mark)


async def _received(exchange: Exchange, file: IO[bytes]) -> str:
    """Put the body into the file; its SHA-256."""
    digest, size = hashlib.sha256(), 0
    content = exchange.request.content
    try:
        while True:
            async with asyncio.timeout(exchange.services.limits.body_s):
                chunk = await content.read(_CHUNK)
            if not chunk:
                return digest.hexdigest()
            size += len(chunk)
            if size > MAX_FILE_BYTES:
                raise ProblemRaised("bundle.too_large", f"it has more than {MAX_FILE_BYTES} bytes")
            digest.update(chunk)
            file.write(chunk)
    except TimeoutError:
        raise ProblemRaised("request.timeout", "the body came to a stop") from None


async def admitted(exchange: Exchange, file: IO[bytes], digest: str) -> ImportAnswer:
    """Accept the bundle in a file; `digest`: its SHA-256 (hex). Problems: bundle.not_intact,
    import.not_possible. Raises BundleFault."""
    services, namespace = exchange.services, exchange.namespace
    bundle = Bundle(file)
    key, workflow = f"import:{digest}", bundle.manifest.workflow
    known = await services.catalog.find_by_key(namespace, workflow, key)
    if known is not None:
        return _answer(bundle, known, replayed=True)
    arrival = await _looked_through(bundle, key)
    await _keep_definitions(exchange, arrival)
    shard = shard_of_key(namespace, workflow, key, services.installation.shards)
    (minted,) = await services.inbox.mint(shard, 1)
    async for first, page in _pages(bundle):
        await services.imports.stage(namespace, minted, first, page)
    manifest = bundle.manifest
    imported = ExecutionImported(
        source=manifest.execution, cluster=manifest.cluster, events=manifest.events,
        source_hash=manifest.hash, redacted=manifest.redacted, asked=exchange.asked,
    )  # fmt: skip
    request = ImportRequest(
        arrival.state.definition_hash, msgspec.Raw(encode_body(imported)), arrival.start_key
    )
    execution, replayed = await services.imports.accept(
        AcceptedImport(
            namespace, workflow, key, minted, encode(request), bytes.fromhex(digest),
            exchange.actor, exchange.traceparent,
        )
    )  # fmt: skip
    if replayed:
        await services.imports.drop(minted)
    await services.hints.notify(inbox_topic(execution))
    return _answer(bundle, execution, replayed=replayed)


def _answer(bundle: Bundle, execution: UUID, *, replayed: bool) -> ImportAnswer:
    manifest = bundle.manifest
    return ImportAnswer(
        execution=format_execution(execution),
        source=manifest.execution,
        cluster=manifest.cluster,
        events=manifest.events,
        workflow=manifest.workflow,
        version=manifest.version,
        redacted=list(manifest.redacted),
        replayed=replayed,
        copied=False,
    )


async def _looked_through(bundle: Bundle, key: str) -> Arrival:
    """Prove the bundle. Problems: bundle.not_intact, import.not_possible."""
    replay, pace = Replay(bundle), Pace()
    state, hashes, start_key = ExecutionState(id=UUID(int=0)), dict[str, None](), None
    for step in replay.steps():
        if step.state is None or step.event is None:
            raise ProblemRaised(
                "import.not_possible",
                f"event {step.record.seq} is sealed: whoever has its key can export it opened",
            )
        state = step.state
        hashes[state.definition_hash] = None
        if step.record.seq == 1 and isinstance(step.event.body, ExecutionStarted):
            start_key = (step.event.body.start_key or "").replace("\0", "") or None
        await pace.breathe()
    report = replay.report
    assert report is not None, "all steps were taken"
    if not report.intact:
        faults = [FaultPlace(detail=one) for one in report.findings]
        raise ProblemRaised("bundle.not_intact", f"{len(faults)} things are not right", faults)
    if state.phase in ("new", "gathering", "expired"):
        raise ProblemRaised("import.not_possible", "it is no execution: its start was not complete")
    return Arrival(bundle, key, state, start_key, hashes)


async def _keep_definitions(exchange: Exchange, arrival: Arrival) -> None:
    """Store what the bundle brings, inactive; what it ran under must be here then."""
    definitions = exchange.services.definitions
    for one in reversed(arrival.bundle.definitions):
        await _keep(exchange, one)
    wanted = arrival.state.definition_hash
    try:
        await definitions.by_hash(exchange.namespace, wanted)
    except NotFound:
        raise ProblemRaised(
            "import.not_possible",
            f"the bundle leaves its definition out, and this namespace has none with the hash"
            f" {wanted}: apply it first",
        ) from None


async def _keep(exchange: Exchange, definition: Definition) -> None:
    files = definition.files
    try:
        program = await asyncio.to_thread(program_in, definition)
    except BundleFault as fault:
        raise ProblemRaised("import.not_possible", fault.message) from None
    row = DefinitionRow(
        namespace=exchange.namespace, workflow=program.workflow, version=program.version,
        definition_hash=program.definition_hash, dialect=program.dialect,
        media_type=files.media_type, source=definition.source, resources=definition.resources,
        created_at=0, actor=exchange.actor, active=False,
    )  # fmt: skip
    definitions = exchange.services.definitions
    try:
        await definitions.keep(row, exchange.asked)
    except Conflict:
        suffix = f"+import.{program.definition_hash[:8]}"
        other = msgspec.structs.replace(row, version=f"{row.version}{suffix}")
        await definitions.keep(other, exchange.asked)


async def _pages(bundle: Bundle) -> AsyncIterator[tuple[int, bytes]]:
    """The events as rows, page by page; the seq of the first of each."""
    rows: list[StagedRow] = []
    size, pace = 0, Pace()
    for step in Replay(bundle).steps():
        row = _staged(step)
        rows.append(row)
        size += len(row.data)
        if len(rows) >= PAGE_ROWS or size >= PAGE_BYTES:
            yield rows[0].seq, page_of(rows)
            rows, size = [], 0
        await pace.breathe()
    if rows:
        yield rows[0].seq, page_of(rows)


def _staged(step: Step) -> StagedRow:
    """The row of an event: data, salt and digest as they were written where all of it is there,
    else those of what can be read."""
    one, data = step.record, step.data
    assert data is not None, "nothing of it is sealed"
    if isinstance(one.salt, str) and isinstance(one.data, str) and is_canonical(data):
        salt, digest = bytes.fromhex(one.salt), bytes.fromhex(one.digest)
    else:
        salt = os.urandom(SALT_BYTES)
        digest = merkle_root(data, salt)
    return StagedRow(
        one.seq, one.type, one.version, one.at, one.actor, one.causation, one.traceparent,
        one.frame, one.node, one.name, one.branch, one.iteration, one.attempt, salt, data, digest,
    )  # fmt: skip


async def _when_copied(exchange: Exchange, answer: ImportAnswer, wait_s: float) -> ImportAnswer:
    """The answer when the log is complete, or as it is when the time is up."""
    execution_id, loop = parse_execution(answer.execution), asyncio.get_running_loop()
    ends_at = loop.time() + wait_s
    async with woken(exchange.services.hints, log_topic(execution_id)) as bell:
        while True:
            last = await exchange.services.log.last_event(execution_id)
            if last is not None and last.seq > answer.events:
                return answer.model_copy(update={"copied": True})
            remaining = ends_at - loop.time()
            if remaining <= 0:
                return answer
            await rung(bell, min(_LOOK_S, remaining))
