"""A small HTTP client on the standard library: commands start fast."""

import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import IO, Any
from urllib.parse import quote, urlencode, urlsplit

from schemas.json_text import loads
from server.cli.faults import USAGE, CommandFault, exit_code_of

TIMEOUT_S = 310.0
INSTALLATION = "/v1/"
"""What paths begin with that are of no namespace."""

PAGE = 1_000
"""Items asked for at once: what every list of the API allows."""


_CHUNK = 65_536


class Unreachable(CommandFault):
    """No server answers there, or one that cannot work just now."""


@dataclass(frozen=True)
class Answer:
    """An answer that is not a problem."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as a value."""
        return loads(self.body)


class Client:
    """Talks to one server in one namespace."""

    def __init__(self, server: str, namespace: str, api_key: str | None) -> None:
        parts = urlsplit(server)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise CommandFault(
                f"{server!r} is not the URL of a server; set --server or REFOLD_URL", USAGE
            )
        self._server, self._parts = server, parts
        self.namespace = namespace
        self._base = parts.path.rstrip("/")
        self._root = f"{self._base}/v1/namespaces/{quote(namespace, safe='')}"
        self._api_key = api_key
        self._headers = {"User-Agent": f"refold-cli/{version('refold')}"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._connection: http.client.HTTPConnection | None = None

    def of_namespace(self, namespace: str) -> "Client":
        """A client of the same server in another namespace."""
        return Client(self._server, namespace, self._api_key)

    def because(self, reason: str) -> None:
        """Say why with every request: it is kept in the log."""
        if reason:
            self._headers["Refold-Reason"] = quote(reason, safe=" ")

    def get(
        self,
        path: str,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """GET a path of the namespace."""
        return self.send("GET", path, query=query, headers=headers)

    def send(
        self,
        method: str,
        path: str,
        *,
        body: bytes | IO[bytes] | None = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request to a path of the namespace. Raises CommandFault for every problem."""
        response = self._open(method, path, body, query, headers)
        content = response.read()
        if response.status >= 400:
            raise _fault(response.status, content)
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, content)

    def pages(
        self, path: str, query: Mapping[str, Any], limit: int | None
    ) -> tuple[list[Any], str | None]:
        """Items of all pages, at most `limit`, and the API's `next` behind them (None: the end)."""
        items: list[Any] = []
        cursor: str | None = None
        name = "after" if path.endswith("/events") and "executions" in path else "cursor"
        while True:
            wanted = PAGE if limit is None else min(PAGE, limit - len(items))
            more = {name: cursor} if cursor else {}
            page = self.get(path, {**query, "limit": wanted, **more}).json
            items += page["items"]
            cursor = page["next"]
            if cursor is None or (limit is not None and len(items) >= limit):
                return items, cursor

    def stream(self, path: str, headers: Mapping[str, str]) -> Iterator[bytes]:
        """Lines of a live answer (SSE), as far as they come. Raises OSError, HTTPException where
        the connection breaks."""
        self._connection = None
        wanted = {"Accept": "text/event-stream", **headers}
        response = self._open("GET", path, None, None, wanted)
        if response.status >= 400:
            raise _fault(response.status, response.read())
        self._connection = None  # this one is the stream's, to its end
        with response:
            while line := response.readline():
                yield line

    def lines(
        self,
        path: str,
        *,
        method: str = "POST",
        body: bytes | None = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[bytes]:
        """Lines of an answer, as far as they come. Raises CommandFault for a problem, and where the
        connection breaks."""
        self._connection = None
        response = self._open(method, path, body, query, headers)
        if response.status >= 400:
            raise _fault(response.status, response.read())
        self._connection = None  # this one is the answer's, to its end
        try:
            with response:
                while line := response.readline():
                    yield line
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"the answer of {self._server} broke off: {error}") from None

    def chunks(self, path: str, query: Mapping[str, Any]) -> Iterator[bytes]:
        """A large answer, as far as it comes. Raises CommandFault for a problem, and where the
        connection breaks."""
        self._connection = None
        response = self._open("GET", path, None, query, None)
        if response.status >= 400:
            raise _fault(response.status, response.read())
        self._connection = None  # this one is the answer's, to its end
        try:
            with response:
                while chunk := response.read(_CHUNK):
                    yield chunk
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"the answer of {self._server} broke off: {error}") from None

    def _open(
        self,
        method: str,
        path: str,
        body: bytes | IO[bytes] | None,
        query: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
    ) -> http.client.HTTPResponse:
        wanted = {key: value for key, value in (query or {}).items() if value is not None}
        root = self._base if path.startswith(INSTALLATION) else self._root
        target = root + path + (f"?{urlencode(wanted, doseq=True)}" if wanted else "")
        try:
            connection = self._connect()
            connection.request(method, target, body, {**self._headers, **(headers or {})})
            return connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            self._connection = None
            raise Unreachable(
                f"no answer from {self._server}: {error}; start a server with `refold up`, or name"
                " it with --server or REFOLD_URL"
            ) from None

    def _connect(self) -> http.client.HTTPConnection:
        if self._connection is None:
            secure = self._parts.scheme == "https"
            kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
            host = self._parts.hostname or ""
            self._connection = kind(host, self._parts.port, timeout=TIMEOUT_S)
        return self._connection


def _fault(status: int, body: bytes) -> CommandFault:
    kind = Unreachable if status in (502, 503) else CommandFault
    try:
        problem = json.loads(body)
        code, detail = problem["code"], problem["detail"]
    except (ValueError, KeyError, TypeError):
        return kind(f"the server answered {status}", exit_code_of(status, ""))
    places = problem.get("errors", ())
    if len(places) == 1 and places[0]["detail"] in detail and not places[0].get("line"):
        places = ()
    lines = [place_line(one) for one in places]
    return kind(f"{detail} [{code}]", exit_code_of(status, code), lines)


def place_line(place: Mapping[str, Any]) -> str:
    """One fault with its place, on one line."""
    where = f"{place['line']}:{place.get('column', 1)}" if place.get("line") else ""
    parts = [where, place.get("pointer") or "", place.get("code") or "", place["detail"]]
    return "  " + "  ".join(part for part in parts if part)


def segment(text: str) -> str:
    """A text as one segment of a path."""
    return quote(text, safe="")
