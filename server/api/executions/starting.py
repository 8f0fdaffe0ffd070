"""Starting an execution: committed to the inbox, once for each key, then answered."""

import hashlib
from typing import Any
from uuid import UUID, uuid4

import msgspec
from aiohttp import web

from engine.model.errors import Conflict
from engine.model.ids import format_execution, shard_of_key
from engine.ports.requests import StartRequest, encode
from schemas.api.requests import StartExecution
from schemas.json_text import dumps, write_unknown
from server.api.door.body import read_model
from server.api.door.exchange import Exchange
from server.api.door.problem import ProblemRaised
from server.api.door.reply import json_reply
from server.api.live.waiting import inbox_topic, until_closed
from server.api.past.describe import execution_members
from server.api.past.reading import folded

MAX_KEY = 255
_sorted = msgspec.json.Encoder(enc_hook=write_unknown, order="sorted")


async def start(exchange: Exchange) -> web.Response:
    """POST /executions: 201 the first time, 200 with Idempotency-Replayed afterwards."""
    key, wait_s = idempotency_key(exchange), exchange.wait_s
    wanted = await read_model(exchange, StartExecution)
    version, definition_hash = await exchange.services.definitions.resolve(
        exchange.namespace, wanted.workflow, wanted.version
    )
    execution_id, replayed = await _accept(exchange, wanted, version, definition_hash, key)
    state = None
    if wait_s:
        state = await until_closed(exchange, execution_id, wait_s, fresh=not replayed)
    elif not replayed:
        await exchange.services.hints.notify(inbox_topic(execution_id))
    else:
        state = await folded(exchange, execution_id)
    body = execution_members(execution_id, state, exchange.services.installation.callback_secret)
    if state is None:
        body.update(
            workflow=wanted.workflow,
            version=version,
            name=wanted.name,
            input=wanted.input if wanted.input is not None else {},
        )
    place = f"/v1/namespaces/{exchange.namespace}/executions/{format_execution(execution_id)}"
    headers = {"Location": place}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    if wait_s:
        headers["Preference-Applied"] = f"wait={wait_s}"
    return json_reply(body, 200 if replayed else 201, headers)


async def _accept(
    exchange: Exchange,
    wanted: StartExecution,
    version: str,
    definition_hash: str,
    key: str | None,
) -> tuple[UUID, bool]:
    services = exchange.services
    named = None if wanted.name is None else f"name:{wanted.name}"
    keys = [
        await services.key_office.veiled(exchange.namespace, one)
        for one in (key and f"key:{key}", named)
        if one
    ]
    first = keys[0] if keys else f"auto:{uuid4().hex}"
    request = StartRequest(
        workflow=wanted.workflow,
        version=version,
        definition_hash=definition_hash,
        start_key=first,
        input=msgspec.Raw(dumps(wanted.input)),
        name=wanted.name,
        labels=wanted.labels,
        asked=exchange.asked,
    )
    try:
        return await services.inbox.accept_start(
            exchange.namespace,
            wanted.workflow,
            keys or [first],
            shard_of_key(exchange.namespace, wanted.workflow, first, services.installation.shards),
            _request_hash(wanted),
            encode(request),
            exchange.actor,
            exchange.traceparent,
        )
    except Conflict as error:
        raise ProblemRaised("idempotency.mismatch", error.message) from None


def _request_hash(wanted: StartExecution) -> bytes:
    """Tells whether a request is the same one again: what was asked, not what it resolved to."""
    asked: tuple[Any, ...] = (wanted.workflow, wanted.version, wanted.name, wanted.input)
    if wanted.labels:
        asked = (*asked, wanted.labels)
    return hashlib.sha256(_sorted.encode(asked)).digest()


def idempotency_key(exchange: Exchange) -> str | None:
    """The header Idempotency-Key. Problem: header.invalid."""
    given = exchange.request.headers.getall("Idempotency-Key", [])
    if not given:
        return None
    key = given[0]
    if len(given) > 1 or not (0 < len(key) <= MAX_KEY) or not (key.isascii() and key.isprintable()):
        raise ProblemRaised(
            "header.invalid", f"Idempotency-Key is one text of 1 to {MAX_KEY} printable characters"
        )
    return key
