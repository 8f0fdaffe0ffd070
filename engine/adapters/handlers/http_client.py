"""Sends requests of actions: addresses checked, redirects followed by hand, sizes limited."""

import ssl

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from engine.adapters.handlers.egress import (
    EgressPolicy,
    EgressRefused,
    GuardedResolver,
    refused_host,
)
from engine.adapters.handlers.http_answer import ACCEPT_ENCODING, answer_of, read_body
from engine.adapters.handlers.http_request import HttpRequest, Pairs
from engine.adapters.handlers.refusal import CallRefused, connection_lost, refused
from engine.ports.world import Answered, Failed

MAX_REDIRECTS = 5
MAX_CONNECTIONS = 512
CONNECT_SECONDS = 30
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEPT_BY_ORIGIN = frozenset({"authorization", "cookie", "refold-callback", "refold-callback-token"})


class HttpClient:
    """One connection pool for all actions of this engine. Open it inside a running loop."""

    def __init__(self, policy: EgressPolicy, resolver: AbstractResolver | None = None) -> None:
        self._policy = policy
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the pool; nothing is connected yet."""
        connector = aiohttp.TCPConnector(
            limit=MAX_CONNECTIONS, resolver=GuardedResolver(self._policy, self._resolver)
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            headers={"User-Agent": "Refold", "Accept-Encoding": ACCEPT_ENCODING},
        )

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, request: HttpRequest) -> Answered | Failed:
        """The answer to the request; what goes wrong is an answer too."""
        try:
            return await self._follow(request)
        except CallRefused as refusal:
            return refusal.answer
        except aiohttp.InvalidURL:
            return refused(
                "http.bad_operation", f"{request.shown} and its arguments make no valid URL."
            ).answer
        except (aiohttp.ClientSSLError, ssl.SSLError) as error:
            return connection_lost(f"{request.shown}: TLS failed: {error}.", "tls").answer
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, EgressRefused):
                return refused_host(error.os_error.host).answer
            return connection_lost(f"{request.shown} cannot be reached: {error.os_error}.").answer
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            said = _said(error)
            return connection_lost(f"{request.shown} went away: {said}.").answer

    async def _follow(self, request: HttpRequest) -> Answered | Failed:
        for _ in range(MAX_REDIRECTS + 1):
            self._policy.check_url(request.url)
            answer = await self._exchange(request)
            if not isinstance(answer, HttpRequest):
                return answer
            request = answer
        raise refused(
            "http.redirects", f"{request.shown} redirects more than {MAX_REDIRECTS} times."
        )

    async def _exchange(self, request: HttpRequest) -> Answered | Failed | HttpRequest:
        """The answer, or the request that a redirect asks for."""
        if self._session is None:
            raise connection_lost("The HTTP client is closed: Refold is shutting down.")
        async with self._session.request(
            request.method,
            request.url,
            headers=list(request.headers),
            data=request.body,
            allow_redirects=False,
        ) as response:
            target = response.headers.get("Location")
            if response.status in _REDIRECTS and target is not None:
                return _redirected(request, response.status, target)
            body = await read_body(response, request.shown)
            return answer_of(
                request, response.status, response.reason or "", response.headers, body
            )


def _said(error: Exception) -> str:
    """The error in words, without the URL, which may hold secrets."""
    if isinstance(error, aiohttp.ClientResponseError):
        return f"its answer is not HTTP ({error.message[:200]})"
    return str(error)[:300] or type(error).__name__


def _redirected(request: HttpRequest, status: int, target: str) -> HttpRequest:
    """The next request (RFC 9110 section 15.4). Another origin gets no credentials."""
    try:
        url = request.url.join(URL(target))
        is_same_origin = url.origin() == request.url.origin()
    except ValueError:
        raise refused(
            "http.redirects", f"{request.shown} redirects to something that is no http URL."
        ) from None
    headers: Pairs = request.headers
    if not is_same_origin:
        headers = tuple(pair for pair in headers if pair[0].lower() not in _KEPT_BY_ORIGIN)
    method, body = request.method, request.body
    if (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST"):
        method, body = "GET", None
        headers = tuple(pair for pair in headers if pair[0].lower() != "content-type")
    return HttpRequest(method, url, headers, body, request.shown)
