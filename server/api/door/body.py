"""Reading bodies: bounded in size and time, one parser for each media type, strict JSON."""

import asyncio
import json
from typing import Any, TypeVar

import msgspec
from aiohttp import web
from pydantic import BaseModel, ValidationError

from engine.model.cloudevents import CloudEventFault
from engine.model.cloudevents.json_text import check_json_text
from engine.model.cloudevents.media_type import parse_media_type
from schemas.api.answers import FaultPlace
from schemas.json_text import loads
from server.api.door.exchange import Exchange
from server.api.door.problem import ProblemRaised

MAX_DEPTH = 64
Model = TypeVar("Model", bound=BaseModel)


async def read_bytes(exchange: Exchange) -> bytes:
    """The whole body. Problems: body.too_large, request.timeout."""
    limits = exchange.services.limits
    try:
        async with asyncio.timeout(limits.body_s):
            return await exchange.request.read()
    except TimeoutError:
        raise ProblemRaised(
            "request.timeout", f"the body did not arrive within {limits.body_s:g} seconds"
        ) from None
    except web.HTTPRequestEntityTooLarge:
        raise ProblemRaised(
            "body.too_large", f"the body has more than {limits.max_body_bytes} bytes"
        ) from None


def media_type_of(exchange: Exchange, *taken: str) -> str:
    """The Content-Type without parameters, if it is among those taken. Problem: body.media_type."""
    header = exchange.request.headers.get("Content-Type", "")
    media = parse_media_type(header)
    name = "" if media is None else f"{media.type}/{media.subtype}"
    if name not in taken or (media is not None and not media.is_utf8):
        raise ProblemRaised(
            "body.media_type",
            f"Content-Type is {header[:100]!r}; send {' or '.join(taken)} in UTF-8",
        )
    return name


def parse_json(body: bytes) -> Any:
    """Strict JSON: UTF-8, no duplicate members, no NaN, at most 64 deep; numbers keep their text.
    Problem: body.malformed with line and column where they are known."""
    try:
        check_json_text(body, MAX_DEPTH)
        return loads(body)
    except CloudEventFault as fault:
        raise ProblemRaised(
            "body.malformed", fault.message, [_place_in(body, fault.message)]
        ) from None
    except (ValueError, msgspec.MsgspecError) as error:
        raise ProblemRaised("body.malformed", f"the body is not JSON: {error}") from None


def _place_in(body: bytes, detail: str) -> FaultPlace:
    """Line and column of what a plain reader stumbles over; none where it reads on."""
    try:
        json.loads(body[: 1 << 20])
    except json.JSONDecodeError as error:
        return FaultPlace(detail=error.msg, line=error.lineno, column=error.colno)
    except (ValueError, RecursionError):
        return FaultPlace(detail=detail)
    return FaultPlace(detail=detail, pointer="")


def shaped(model: type[Model], value: Any) -> Model:
    """The value as a model. Problem: body.invalid, every fault with its JSON pointer."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        places = [
            FaultPlace(detail=one["msg"], code=one["type"], pointer=_pointer(one["loc"]))
            for one in error.errors(include_url=False, include_context=False, include_input=False)
        ][:100]
        raise ProblemRaised(
            "body.invalid", f"the body has {error.error_count()} faults", places
        ) from None


def _pointer(location: tuple[int | str, ...]) -> str:
    parts = (str(part)[:80].replace("~", "~0").replace("/", "~1") for part in location)
    return "".join(f"/{part}" for part in parts)


async def read_optional(exchange: Exchange, model: type[Model]) -> Model:
    """A JSON body as a model; without a body what the model says by itself."""
    if not exchange.request.can_read_body or not await read_bytes(exchange):
        return model()
    return await read_model(exchange, model)


async def read_model(exchange: Exchange, model: type[Model]) -> Model:
    """A JSON body as a model."""
    media_type_of(exchange, "application/json")
    return shaped(model, parse_json(await read_bytes(exchange)))
