"""One execution as a file: what stands in it, gathered from the log as it was when it was asked."""

import secrets as chance
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from importlib.metadata import version as release_of
from uuid import UUID

from aiohttp import web
from msgspec.structs import replace

from engine.core.chain import content_hash
from engine.core.evolve import EVOLVE_VERSION, evolve
from engine.core.timetravel.pointer import PathFault
from engine.model.errors import Erased, NotFound, RefoldError, Sealed
from engine.model.ids import format_execution, shard_of
from engine.model.state import ExecutionState
from engine.ports.audit import Deed
from engine.ports.codec import event_of, json_of
from engine.ports.export import execution_record, head_record
from engine.ports.keys import Cipher
from engine.ports.rows import BirthRow, DefinitionRow, EventRow, ShardHead
from engine.ports.survey import Born
from schemas.api.answers import FaultPlace
from schemas.events.wire import UnknownEventType
from schemas.export import records
from server.api.bundles.commits import Proof
from server.api.door.exchange import Exchange, Services
from server.api.door.pace import Pace
from server.api.door.problem import ProblemRaised
from server.api.live.tails import TAILS
from server.api.past.reading import check_accepted, check_namespace, execution_id_of, pages
from server.bundles.layout import FORMAT, DefinitionFiles, Manifest, TextFile
from server.bundles.masking import Masker, TooManyValues
from server.bundles.telling import told_event
from server.bundles.writing import written

MEDIA_TYPE = "application/vnd.refold.bundle+zip"


@dataclass
class History:
    """What a first reading of the log found. `sealed`: events that nobody here can open."""

    state: ExecutionState
    hashes: dict[str, None] = field(default_factory=dict)
    types: dict[str, set[int]] = field(default_factory=dict)
    sealed: int = 0


@dataclass
class Export:
    """A bundle that is to be written: everything up to the last event of `born`."""

    services: Services
    birth: BirthRow
    last: EventRow
    head: ShardHead
    masker: Masker
    at: int

    @property
    def execution_id(self) -> UUID:
        """Whose bundle it is."""
        return self.birth.execution_id

    async def rows(self) -> AsyncIterator[EventRow]:
        """The rows of the execution, up to the last one."""
        pace = Pace()
        async for page in pages(self.services, self.execution_id, upto=self.last.seq):
            for row in page:
                yield row
                await pace.breathe()


async def show(exchange: Exchange) -> web.StreamResponse:
    """GET /executions/{id}/bundle: that it was made is in the audit."""
    execution_id = execution_id_of(exchange)
    services = exchange.services
    with exchange.request.app[TAILS].place():
        manifest, parts = await bundled(exchange, execution_id)
        await services.audit.record(
            Deed(
                exchange.namespace, exchange.actor, "execution.exported",
                format_execution(execution_id), exchange.asked,
                {"events": manifest.events, "redacted": list(manifest.redacted)},
            )
        )  # fmt: skip
        name = f"{manifest.execution}.refold"
        response = web.StreamResponse(
            headers={
                "Content-Type": MEDIA_TYPE,
                "Content-Disposition": f'attachment; filename="{name}"',
            }
        )
        await response.prepare(exchange.request)
        try:
            async for part in parts:
                if part:
                    await response.write(part)
            await response.write_eof()
        except RefoldError:
            if exchange.request.transport is not None:
                exchange.request.transport.close()  # who reads sees that it is not whole
            raise
    return response


async def bundled(exchange: Exchange, execution_id: UUID) -> tuple[Manifest, AsyncIterator[bytes]]:
    """The bundle of an execution as it is now, by the exchange's query."""
    export = await _begun(exchange, execution_id)
    history = await _read(export)
    _check_redacts(export)
    definitions = await _definitions(exchange, export, history)
    manifest, texts = _manifest(exchange, export, history, definitions)
    return manifest, written(manifest, texts, _lines(export))


async def _begun(exchange: Exchange, execution_id: UUID) -> Export:
    services = exchange.services
    last = await services.log.last_event(execution_id)
    if last is None:
        await check_accepted(exchange, execution_id)
        raise ProblemRaised("execution.not_started", "it was accepted and has not begun; wait")
    check_namespace(exchange, last)
    birth = await services.catalog.find_birth(exchange.namespace, execution_id)
    heads = {one.shard: one for one in await services.log.heads()}
    assert birth is not None, "an execution with events was born"
    at = await services.leases.now_ms()
    return Export(
        services, birth, last, heads[shard_of(execution_id)], await _masker(exchange, birth), at
    )


async def _masker(exchange: Exchange, birth: BirthRow) -> Masker:
    query = exchange.query
    known: list[str] = []
    keeps_secrets = query["secrets"] == "false"
    secrets = exchange.services.secrets
    if secrets is not None and not keeps_secrets:
        names = await _secret_names(exchange, birth.definition_hash)
        known = list(secrets.get(exchange.namespace, names).values())
    try:
        return Masker(
            chance.token_bytes(16),
            query["redact"] or (),
            known,
            elsewhere=query["elsewhere"] != "false",
            printed=keeps_secrets,
        )
    except PathFault as fault:
        raise ProblemRaised("query.invalid", f"redact: {fault.message}") from None


async def _secret_names(exchange: Exchange, definition_hash: str) -> tuple[str, ...]:
    try:
        loaded = await exchange.services.programs.get(exchange.namespace, definition_hash)
    except NotFound:
        return ()
    return loaded.program.secrets


async def _read(export: Export) -> History:
    """The first reading: where it comes to, and which values are to be left out."""
    history = History(ExecutionState(id=export.execution_id))
    history.hashes[export.birth.definition_hash] = None
    async for row in export.rows():
        history.types.setdefault(row.type, set()).add(row.version)
        try:
            data = json_of(row)
            if not history.sealed:
                history.state = evolve(history.state, event_of(row))
            export.masker.see(data, history.state)
        except (Erased, Sealed):
            history.sealed += 1
        except (UnknownEventType, TooManyValues) as fault:
            raise ProblemRaised("bundle.not_possible", str(fault)) from None
        if history.state.definition_hash:
            history.hashes[history.state.definition_hash] = None
    return history


def _check_redacts(export: Export) -> None:
    """A pointer with nothing behind it is a slip of the pen, and what it meant would be told.
    Problem: bundle.redacts_nothing."""
    absent = export.masker.absent()
    if absent:
        faults = [
            FaultPlace(detail=f"{one}: nothing that could be left out ever stood there")
            for one in absent
        ]
        named = ", ".join(absent)
        raise ProblemRaised(
            "bundle.redacts_nothing", f"nothing ever stood at {named} in this execution", faults
        )


async def _definitions(exchange: Exchange, export: Export, history: History) -> list[DefinitionRow]:
    """The definitions that it ran under, the last one first; without those in which something that
    is left out stands."""
    if exchange.query["definition"] == "false":
        return []
    found: list[DefinitionRow] = []
    for definition_hash in reversed(history.hashes):
        try:
            row = await export.services.definitions.by_hash(exchange.namespace, definition_hash)
        except NotFound:
            continue
        texts = [row.source, *row.resources.values()]
        if not any(export.masker.finds(text.decode("utf-8", "replace")) for text in texts):
            found.append(row)
    return found


def _manifest(
    exchange: Exchange, export: Export, history: History, definitions: list[DefinitionRow]
) -> tuple[Manifest, list[tuple[str, bytes]]]:
    texts: list[tuple[str, bytes]] = []
    files: list[DefinitionFiles] = []
    places: dict[bytes, str] = {}
    for number, row in enumerate(definitions, 1):
        ending = "json" if row.media_type == "application/json" else "yaml"
        name = f"definition.{ending}" if number == 1 else f"definition-{number}.{ending}"
        texts.append((name, row.source))
        named: list[TextFile] = []
        for uri, content in sorted(row.resources.items()):
            if content not in places:
                places[content] = f"resources/{len(places) + 1}"
                texts.append((places[content], content))
            named.append(TextFile(uri, places[content]))
        files.append(
            DefinitionFiles(
                name, row.workflow, row.version, row.definition_hash, row.dialect, row.media_type,
                content_hash(row.media_type, row.source, row.resources).hex(), tuple(named),
            )
        )  # fmt: skip
    birth, query = export.birth, exchange.query
    return Manifest(
        format=FORMAT, refold=release_of("refold"),
        cluster=export.services.installation.cluster_id, namespace=birth.namespace,
        execution=format_execution(birth.execution_id), workflow=birth.workflow,
        version=birth.version, definition_hash=birth.definition_hash, dialect=birth.dialect,
        ir_version=birth.ir_version, evolve_version=EVOLVE_VERSION, events=export.last.seq,
        hash=export.last.hash.hex(),
        event_types={name: tuple(sorted(found)) for name, found in sorted(history.types.items())},
        definitions=tuple(files), redacted=tuple(query["redact"] or ()),
        printed=query["secrets"] == "false", sealed=history.sealed, exported_at=export.at,
        exported_by=exchange.actor, reason=exchange.asked.reason,
        redactions=export.masker.redactions(),
    ), texts  # fmt: skip


async def _lines(export: Export) -> AsyncIterator[records.Record]:
    services, head = export.services, export.head
    count = 2
    yield records.ExportRecord(
        records.FORMAT, services.installation.chain_version, export.birth.namespace,
        head_record(services.installation.cluster_id, export.at, [head], []),
    )  # fmt: skip
    yield _birth(export)
    proof = Proof(services, head, export.execution_id)
    told = _Telling(export)
    async for row in export.rows():
        async for record in proof.before(row):
            count += 1
            yield record
        count += 1
        yield await told.event(row)
    async for record in proof.behind():
        count += 1
        yield record
    yield records.EndRecord(count)


def _birth(export: Export) -> records.ExecutionRecord:
    record = execution_record(Born(export.birth, export.last.seq, export.last.hash))
    if record.start_key is not None and export.masker.finds(record.start_key):
        return replace(record, start_key=None)
    return record


class _Telling:
    """Events as the bundle tells them, with the keys that open them."""

    def __init__(self, export: Export) -> None:
        self._export = export
        self._ciphers: dict[str, Cipher | None] = {}

    async def event(self, row: EventRow) -> records.EventRecord:
        """The record of an event."""
        cipher = None if row.key_id is None else await self._cipher(row.key_id)
        try:
            masks = self._export.masker.mask(row.type, row.version, json_of(row))
        except (Erased, Sealed):
            masks = {}
        return told_event(row, masks, cipher)

    async def _cipher(self, key_id: str) -> Cipher | None:
        if key_id not in self._ciphers:
            found = await self._export.services.key_office.ciphers([key_id])
            self._ciphers[key_id] = found[key_id]
        return self._ciphers[key_id]
