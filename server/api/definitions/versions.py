"""Definitions: check, apply, list, get, draw."""

import asyncio

import msgspec
from aiohttp import web

from engine.dialects.cncf_v08 import Reading, read_definition
from engine.dialects.cncf_v08.graph import mermaid
from engine.dialects.source import Fault
from engine.model.program import Program
from engine.ports.rows import DefinitionRow
from schemas.api import answers
from schemas.api.requests import ApplyDefinition
from server.api.door.body import media_type_of, parse_json, read_bytes, shaped
from server.api.door.cursor import read_cursor, write_cursor
from server.api.door.exchange import Exchange
from server.api.door.problem import ProblemRaised
from server.api.door.reply import json_reply
from server.api.door.times import format_time

ENVELOPE = "application/vnd.refold.definition+json"
YAML_TYPES = ("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml")
MEDIA_TYPES = ("application/json", *YAML_TYPES, ENVELOPE)
_MAX_FAULTS = 200
_turns = asyncio.Semaphore(2)
"""Reading a definition takes a thread for up to seconds: two at once, the rest waits."""


class Submitted(msgspec.Struct, frozen=True):
    """A definition as it came."""

    source: bytes
    media_type: str
    resources: dict[str, bytes]


async def validate(exchange: Exchange) -> web.Response:
    """POST /definitions/validate: check it, store nothing."""
    reading = await read_submitted(await submitted_definition(exchange))
    errors, warnings = await faults_of(exchange, reading)
    program = reading.program
    return json_reply(
        answers.Validation(
            valid=not errors,
            workflow=None if program is None else program.workflow,
            version=None if program is None else program.version,
            faults=errors,
            warnings=warnings,
        )
    )


async def apply(exchange: Exchange) -> web.Response:
    """POST /definitions: check it, store this version for ever, activate it."""
    namespace = exchange.namespace
    submitted = await submitted_definition(exchange)
    reading = await read_submitted(submitted)
    errors, warnings = await faults_of(exchange, reading)
    program = reading.program
    if program is None or errors:
        faults = "1 fault" if len(errors) == 1 else f"{len(errors)} faults"
        raise ProblemRaised("definition.invalid", f"the definition has {faults}", errors)
    row = DefinitionRow(
        namespace=namespace,
        workflow=program.workflow,
        version=program.version,
        definition_hash=program.definition_hash,
        dialect=program.dialect,
        media_type=submitted.media_type,
        source=submitted.source,
        resources=submitted.resources,
        created_at=0,
        actor=exchange.actor,
        active=True,
    )
    trigger = program.trigger
    types = [] if trigger is None else sorted({event.type for event in trigger.events})
    definitions = exchange.services.definitions
    changed = await definitions.apply(row, types, trigger_name(program), exchange.asked)
    stored = await definitions.get(namespace, program.workflow, program.version)
    body = answers.AppliedDefinition(
        **definition_members(stored), changed=changed, warnings=warnings
    )
    place = f"/v1/namespaces/{namespace}/definitions/{program.workflow}/{program.version}"
    return json_reply(body, 201 if changed else 200, {"Location": place})


def trigger_name(program: Program) -> str | None:
    """The name of the definition's trigger: its hash and the start state's node."""
    return None if program.trigger is None else f"{program.definition_hash}{program.trigger.node}"


async def index(exchange: Exchange) -> web.Response:
    """GET /definitions."""
    limit = exchange.query["limit"]
    after = read_cursor(exchange.query["cursor"])
    rows = await exchange.services.definitions.list(exchange.namespace, after, limit + 1)
    page, rest = rows[:limit], rows[limit:]
    following = write_cursor(f"{page[-1].workflow}@{page[-1].version}") if rest else None
    items = [answers.Definition(**definition_members(row)) for row in page]
    return json_reply(answers.DefinitionPage(items=items, next=following))


async def show(exchange: Exchange) -> web.Response:
    """GET /definitions/{workflow} (the active version) and /definitions/{workflow}/{version}."""
    row = await _row(exchange)
    return json_reply(
        answers.DefinitionSource(
            **definition_members(row),
            media_type=row.media_type,
            source=row.source.decode("utf-8-sig"),
            resources=sorted(row.resources),
        )
    )


async def graph(exchange: Exchange) -> web.Response:
    """GET .../graph: the definition as a Mermaid flowchart."""
    row = await _row(exchange)
    reading = await read_submitted(Submitted(row.source, row.media_type, row.resources))
    if reading.program is None:
        raise ProblemRaised("definition.invalid", "this release cannot read the definition")
    return web.Response(text=mermaid(reading.program), content_type="text/vnd.mermaid")


async def _row(exchange: Exchange) -> DefinitionRow:
    given = "version" in exchange.request.match_info
    version = exchange.path_name("version") if given else None
    return await exchange.services.definitions.get(
        exchange.namespace, exchange.path_name("workflow"), version
    )


async def submitted_definition(exchange: Exchange) -> Submitted:
    """The definition in the request's body. Raises ProblemRaised."""
    media_type = media_type_of(exchange, *MEDIA_TYPES)
    body = await read_bytes(exchange)
    if media_type != ENVELOPE:
        return Submitted(body, media_type, {})
    envelope = shaped(ApplyDefinition, parse_json(body))
    resources = {uri: text.encode() for uri, text in envelope.resources.items()}
    return Submitted(envelope.definition.encode(), envelope.media_type, resources)


async def read_submitted(submitted: Submitted) -> Reading:
    """What is found in it; in a thread, since it may take a second."""
    async with _turns:
        return await asyncio.to_thread(
            read_definition, submitted.source, submitted.media_type, submitted.resources
        )


def definition_members(row: DefinitionRow) -> dict[str, object]:
    """The members that every answer about a definition has."""
    return {
        "id": f"def_{row.definition_hash}",
        "workflow": row.workflow,
        "version": row.version,
        "dialect": row.dialect,
        "hash": row.definition_hash,
        "active": row.active,
        "created_at": format_time(row.created_at),
        "actor": row.actor,
    }


async def faults_of(
    exchange: Exchange, reading: Reading
) -> tuple[list[answers.FaultPlace], list[answers.FaultPlace]]:
    """Errors and warnings, those of expressions that only libjq can judge included."""
    sources = [source for _, source in reading.expressions]
    if sources:
        verdicts = await exchange.services.check_expressions(sources)
        refused = {s: verdict for s, verdict in zip(sources, verdicts, strict=True) if verdict}
        reading = reading.judged(refused)
    errors = [place_of(one) for one in reading.errors]
    warnings = [place_of(one) for one in reading.faults if one.severity == "warning"]
    return errors[:_MAX_FAULTS], warnings[:_MAX_FAULTS]


def place_of(fault: Fault) -> answers.FaultPlace:
    """A fault of a definition as the API tells it."""
    where = f"{fault.document}: " if fault.document else ""
    return answers.FaultPlace(
        detail=where + fault.message,
        code=fault.code,
        pointer=fault.pointer,
        line=fault.line,
        column=fault.column,
    )
