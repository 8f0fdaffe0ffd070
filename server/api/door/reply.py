"""Answers with a JSON body; numbers that came from outside keep their text."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from schemas.json_text import dumps


def json_reply(
    body: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """`body`: a model, or plain data as `schemas.json_text` writes it."""
    plain = members_of(body) if isinstance(body, BaseModel) else body
    return web.Response(
        status=status, body=dumps(plain), content_type="application/json", headers=headers
    )


def members_of(model: BaseModel) -> dict[str, Any]:
    """The members of a model, models inside it too; other values as they are."""
    return {name: _plain(value) for name, value in model}


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return members_of(value)
    if isinstance(value, list) and value and isinstance(value[0], BaseModel):
        return [members_of(one) for one in value]
    return value
