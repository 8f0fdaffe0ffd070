"""Heads to keep elsewhere, the log of the installation as a file, and its verification."""

import contextlib
import logging
from typing import Any

import msgspec
from aiohttp import web

from engine.core.verify_shard import Fault
from engine.model.errors import RefoldError
from engine.model.ids import format_execution
from engine.model.namespace import is_namespace
from engine.ports.audit import INSTALLATION, Deed
from schemas.api import audit as answers
from schemas.export import records
from server.api.door.body import media_type_of, parse_json, read_bytes, shaped
from server.api.door.exchange import Exchange
from server.api.door.problem import ProblemRaised, problem_of
from server.api.door.reply import json_reply
from server.api.door.route import JSON
from server.api.live.tails import TAILS
from server.api.proof.exporting import exported, read_head
from server.api.proof.proving import Proof

_log = logging.getLogger("refold.api")
NDJSON = "application/x-ndjson"
MAX_FAULTS = 1_000
"""Faults that are told; of more only the number."""

_BATCH_BYTES = 65_536
_STEPS = 2_000
"""Steps between two lines that tell how far the verification is."""


async def head(exchange: Exchange) -> web.Response:
    """GET /v1/audit/head."""
    return json_reply(_answer_of(await read_head(exchange.services)))


async def export(exchange: Exchange) -> web.StreamResponse:
    """GET /v1/audit/export: that it was made is in the audit, and so in the export itself."""
    services, scope = exchange.services, exchange.query["namespace"]
    if scope is not None and not is_namespace(scope):
        raise ProblemRaised("namespace.malformed", f"{scope[:80]!r} is not a namespace")
    with exchange.request.app[TAILS].place():
        await services.audit.record(
            Deed(
                scope or INSTALLATION, exchange.actor, "log.exported",
                scope or "installation", exchange.asked,
            )
        )  # fmt: skip
        top = await read_head(services)
        response = web.StreamResponse(headers={"Content-Type": NDJSON})
        await response.prepare(exchange.request)
        try:
            await _write(response, exchange, top, scope)
        except RefoldError as error:
            _log.warning("an export broke off: %s", error.message)
            if exchange.request.transport is not None:
                exchange.request.transport.close()  # who reads sees that it is not whole
    return response


async def _write(
    response: web.StreamResponse, exchange: Exchange, top: records.Head, scope: str | None
) -> None:
    batch = bytearray()
    async with contextlib.aclosing(exported(exchange.services, top, scope)) as lines:
        async for record in lines:
            batch += records.encode(record) + b"\n"
            if len(batch) >= _BATCH_BYTES:
                await response.write(bytes(batch))
                batch.clear()
    await response.write(bytes(batch))
    await response.write_eof()


async def verify(exchange: Exchange) -> web.StreamResponse:
    """POST /v1/audit/verify: line by line how far it is and what was found, at last the outcome."""
    kept = await _kept(exchange)
    with exchange.request.app[TAILS].place():
        top = await read_head(exchange.services)
        proof = Proof(exchange.services, top, kept)
        response = web.StreamResponse(headers={"Content-Type": NDJSON})
        await response.prepare(exchange.request)
        try:
            faults = await _tell(response, proof)
            line = answers.ProofLine(intact=not faults, faults=faults, head=_answer_of(top))
        except RefoldError as error:
            problem = problem_of(error)
            line = answers.ProofLine(problem={"code": problem.code, "detail": problem.detail})
        await response.write(_line(line))
        await response.write_eof()
    return response


async def _tell(response: web.StreamResponse, proof: Proof) -> int:
    """Write progress and faults; how many there are."""
    faults, steps = 0, 0
    async with contextlib.aclosing(proof.steps()) as walk:
        async for step in walk:
            steps += 1
            if step is not None:
                faults += 1
                if faults <= MAX_FAULTS:
                    await response.write(_line(answers.ProofLine(fault=_fault_of(step))))
            elif steps % _STEPS == 0:
                await response.write(_line(_progress_of(proof)))
    await response.write(_line(_progress_of(proof)))
    return faults


def _progress_of(proof: Proof) -> answers.ProofLine:
    return answers.ProofLine(progress=answers.Tally(**msgspec.structs.asdict(proof.tally)))


def _fault_of(fault: Fault) -> answers.Fault:
    members: dict[str, Any] = msgspec.structs.asdict(fault)
    if fault.execution is not None:
        members["execution"] = format_execution(fault.execution)
    return answers.Fault(**members)


def _line(line: answers.ProofLine) -> bytes:
    return line.model_dump_json(exclude_none=True).encode() + b"\n"


def _answer_of(top: records.Head) -> answers.Head:
    return answers.Head.model_validate(msgspec.to_builtins(top))


async def _kept(exchange: Exchange) -> records.Head | None:
    """The head in the body, if there is one."""
    if not exchange.request.can_read_body:
        return None
    body = await read_bytes(exchange)
    if not body:
        return None
    media_type_of(exchange, JSON)
    given = shaped(answers.Head, parse_json(body))
    return msgspec.convert(given.model_dump(), records.Head)
