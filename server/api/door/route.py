"""What a route is: everything the gate checks and the OpenAPI document says about it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from aiohttp import web
from pydantic import BaseModel

if TYPE_CHECKING:
    from server.api.door.exchange import Exchange

NAMESPACE_PREFIX = "/v1/namespaces/{namespace}"
JSON = "application/json"


@dataclass(frozen=True)
class Query:
    """A query parameter. Integers have bounds; `choices`: the texts it may have. `most`: how often
    it may stand; more than once, its value is the tuple of all (None: it stands nowhere)."""

    name: str
    description: str
    kind: Literal["integer", "text", "time", "flag"] = "text"
    minimum: int = 0
    maximum: int = 2**53
    choices: tuple[str, ...] = ()
    default: int | None = None
    max_length: int = 512
    most: int = 1


@dataclass(frozen=True)
class Header:
    """A request header that means something to the route."""

    name: str
    description: str


@dataclass(frozen=True)
class Answer:
    """An answer that is not a problem. `media`: media type -> model (None: described in words)."""

    description: str
    media: Mapping[str, type[BaseModel] | None]


@dataclass(frozen=True)
class Route:
    """One method of one path. `key`: needs an API key where the server has keys. `body`: media type
    -> model (None: described in words). `problems`: codes beyond those that any route may give.
    `time_limit_s`: None for a stream that lasts."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    name: str
    summary: str
    handler: "Callable[[Exchange], Awaitable[web.StreamResponse]]"
    answers: Mapping[int, Answer]
    key: bool = True
    query: tuple[Query, ...] = ()
    headers: tuple[Header, ...] = ()
    body: Mapping[str, type[BaseModel] | None] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    time_limit_s: float | None = 30.0

    @property
    def parameters(self) -> dict[str, Query]:
        """Query parameters by name."""
        return {one.name: one for one in self.query}


def json_answer(description: str, model: type[BaseModel]) -> Answer:
    """An answer with one JSON body."""
    return Answer(description, {JSON: model})
