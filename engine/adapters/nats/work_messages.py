"""Messages of the worker protocol: structured CloudEvents (docs/worker-protocol.md)."""

import re
from typing import Any

import msgspec

from engine.adapters.handlers.json_result import read_result
from engine.adapters.handlers.refusal import MAX_MESSAGE_CHARS, CallRefused, refused
from engine.model.ids import format_execution
from engine.ports.world import Answered, Call, Failed
from schemas import json_text
from schemas.events.parts import Error

REQUESTED = "io.refold.work.requested.v1"
PROGRESSED = "io.refold.work.progressed.v1"
DEFERRED = "io.refold.work.deferred.v1"
COMPLETED = "io.refold.work.completed.v1"
FAILED = "io.refold.work.failed.v1"

HEADERS = {"Content-Type": "application/cloudevents+json"}
ENVELOPE_BYTES = 8_192
"""Room for attributes and headers beside the data of a message."""

_JSON = "application/json"
_CODE = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*")
_MAX_ALIASES, _MAX_ALIAS_CHARS, _MAX_PRINTED_CHARS = 32, 200, 70_000
_ABSENT = msgspec.Raw(b"null")


class WorkData(msgspec.Struct, frozen=True):
    """What the function is called with."""

    operation: str
    arguments: msgspec.Raw = _ABSENT


class Requested(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A call. `id` is the same when it is sent again after an outage; `idempotencykey` is the same
    for every attempt of the action. `timeoutms`: after so many milliseconds nobody waits."""

    specversion: str
    id: str
    source: str
    type: str
    data: WorkData
    datacontenttype: str = ""
    subject: str = ""
    idempotencykey: str = ""
    attempt: int = 1
    executionid: str = ""
    timeoutms: int = 0
    traceparent: str | None = None
    callbacktoken: str | None = None


class AnswerData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`result` of a completed call; `code`, `message`, `aliases`, `detail` of a failed one."""

    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    code: str | None = None
    message: str = ""
    aliases: tuple[str, ...] = ()
    detail: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    printed: str | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a worker sends back. `workid` is the id of the request."""

    specversion: str
    id: str
    source: str
    type: str
    workid: str
    datacontenttype: str = ""
    data: AnswerData | msgspec.UnsetType = msgspec.UNSET


_request_decoder = msgspec.json.Decoder(Requested)
_reply_decoder = msgspec.json.Decoder(Reply)


def request_message(call: Call, work_id: str) -> bytes:
    """The request of a call."""
    return msgspec.json.encode(
        Requested(
            specversion="1.0",
            id=work_id,
            source=f"/refold/namespaces/{call.namespace}",
            type=REQUESTED,
            datacontenttype=_JSON,
            subject=call.operation,
            data=WorkData(call.operation, msgspec.Raw(json_text.dumps(call.arguments))),
            idempotencykey=call.key,
            attempt=call.attempt,
            executionid=format_execution(call.execution_id),
            timeoutms=min(call.timeout_ms, 2**31 - 1),
            traceparent=call.traceparent,
            callbacktoken=call.callback_token,
        )
    )


def read_request(payload: bytes) -> Requested:
    """A request. Raises msgspec.MsgspecError."""
    return _request_decoder.decode(payload)


def sign_message(request: Requested, kind: str) -> bytes:
    """A message without data: work goes on (PROGRESSED), or ask again later (DEFERRED)."""
    return msgspec.json.encode(
        Reply(specversion="1.0", id=request.id, source=_source(), type=kind, workid=request.id)
    )


def answer_message(request: Requested, answer: Answered | Failed) -> bytes:
    """The reply that carries a function's answer."""
    if isinstance(answer, Answered):
        kind = COMPLETED
        data = AnswerData(
            result=msgspec.Raw(json_text.dumps(answer.result)), printed=answer.printed
        )
    else:
        kind, error = FAILED, answer.error
        data = AnswerData(
            code=error.code,
            message=error.message,
            aliases=error.aliases,
            detail=msgspec.Raw(json_text.dumps(error.detail)),
            printed=answer.printed,
        )
    return msgspec.json.encode(
        Reply(
            specversion="1.0",
            id=f"{request.id}-answer",
            source=_source(),
            type=kind,
            workid=request.id,
            datacontenttype=_JSON,
            data=data,
        )
    )


def read_reply(payload: bytes) -> Reply:
    """A reply. Raises msgspec.MsgspecError."""
    return _reply_decoder.decode(payload)


def answer_in(reply: Reply) -> Answered | Failed:
    """The answer that a COMPLETED or FAILED reply carries; one that breaks the protocol is an error
    `worker.bad_answer`."""
    data = AnswerData() if reply.data is msgspec.UNSET else reply.data
    printed = None if data.printed is None else data.printed[:_MAX_PRINTED_CHARS]
    try:
        if reply.type == COMPLETED:
            result = _ABSENT if data.result is msgspec.UNSET else data.result
            return Answered(_value(result), printed)
        return Failed(_error(data), printed)
    except CallRefused as refusal:
        return Failed(refusal.error, printed)


def _error(data: AnswerData) -> Error:
    if data.code is None or not _CODE.fullmatch(data.code):
        raise refused("worker.bad_answer", "The worker sent an error without a code of its form.")
    aliases = tuple(alias[:_MAX_ALIAS_CHARS] for alias in data.aliases[:_MAX_ALIASES])
    detail = None if data.detail is msgspec.UNSET else _value(data.detail)
    return Error(data.code, data.message[:MAX_MESSAGE_CHARS], aliases, detail=detail)


def _value(raw: msgspec.Raw) -> Any:
    return read_result(bytes(raw), "The worker", "worker.bad_answer")


def _source() -> str:
    return "/refold/workers"
