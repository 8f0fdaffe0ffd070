"""One request on its way: what the gate has checked, and the ports that handlers use."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from engine.model.cloudevents import DEFAULT_LIMITS, CloudEventLimits
from engine.model.evaluation import EvalAnswer, EvalRequest
from engine.model.namespace import is_namespace
from engine.ports.audit import Audit
from engine.ports.breakpoints import Breakpoints
from engine.ports.erasures import Erasures
from engine.ports.evidence import Evidence
from engine.ports.imports import Imports
from engine.ports.keys import KeyOffice, KeyStore
from engine.ports.rows import Installation
from engine.ports.storage import Catalog, Definitions, Inbox, Leases, Log, Streams
from engine.ports.survey import Survey
from engine.ports.world import Hints, Secrets
from engine.runtime.ingest import Intake
from engine.runtime.programs import ProgramCache
from projections.store import ReadStore
from schemas.events.parts import Asked
from server.api.door.impact_reports import ImpactReports
from server.api.door.problem import ProblemRaised
from server.auth import Keyring

_NAME = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,256}")
_TEXT = re.compile(r"[^\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffd]*")
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


REASON = "Refold-Reason"
MAX_REASON = 1_000


@dataclass(frozen=True)
class ApiLimits:
    """`max_body_bytes` of one request; `body_s`, `head_s`: seconds in which body and headers must
    arrive; `max_wait_s`: the longest `Prefer: wait`; `max_connections` and
    `max_streams` (live views and downloads of logs) at once."""

    max_body_bytes: int = 4_194_304
    body_s: float = 20.0
    head_s: float = 10.0
    max_wait_s: int = 60
    max_connections: int = 2_000
    max_streams: int = 500
    cloudevents: CloudEventLimits = DEFAULT_LIMITS


@dataclass(frozen=True)
class Services:
    """What the API needs of the rest. `listens`: whether a worker listens for a Python function
    (namespace, operation), None where that cannot be known. `check_expressions`: for each program
    what is wrong with it, or None; `evaluate`: values of expressions. `secrets`: those that this
    process knows, so that none leaves it in a bundle. `checks`: name -> coroutine
    that raises when that service is away (for /readyz)."""

    log: Log
    inbox: Inbox
    imports: Imports
    leases: Leases
    streams: Streams
    definitions: Definitions
    audit: Audit
    survey: Survey
    hints: Hints
    intake: Intake
    executions: ReadStore
    installation: Installation
    evidence: Evidence
    keys: KeyStore
    key_office: KeyOffice
    erasures: Erasures
    catalog: Catalog
    breakpoints: Breakpoints
    programs: ProgramCache
    impact: ImpactReports
    listens: Callable[[str, str], Awaitable[bool | None]]
    check_expressions: Callable[[Sequence[str]], Awaitable[list[str | None]]]
    evaluate: Callable[[Sequence[EvalRequest]], Awaitable[list[EvalAnswer]]]
    secrets: Secrets | None = None
    keyring: Keyring = Keyring()
    limits: ApiLimits = ApiLimits()
    checks: Mapping[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)


SERVICES = web.AppKey("services", Services)


@dataclass
class Exchange:
    """A request that passed the gate. `query`: checked values of the parameters, or defaults.
    `actor`: `key:NAME`, or `anonymous` where the server has no keys."""

    request: web.Request
    services: Services
    actor: str
    query: Mapping[str, Any]

    @property
    def namespace(self) -> str:
        """The namespace of the path. Raises ProblemRaised."""
        name = self.request.match_info["namespace"]
        if not is_namespace(name):
            raise ProblemRaised("namespace.malformed", f"{name[:80]!r} is not a namespace")
        return name

    def path_name(self, key: str) -> str:
        """A name in the path. One that nothing can have does not exist."""
        name = self.request.match_info[key]
        if not _NAME.fullmatch(name):
            raise ProblemRaised("not_found", f"nothing has the {key} {name[:80]!r}")
        return name

    @property
    def traceparent(self) -> str | None:
        """The W3C trace context of the caller; one that is not well formed is not taken."""
        header = self.request.headers.get("traceparent", "")
        return header if _TRACEPARENT.fullmatch(header) else None

    @property
    def asked(self) -> Asked:
        """From where the request came, and why (the header Refold-Reason, percent-encoded)."""
        given = self.request.headers.getall(REASON, [])
        reason = unquote(given[0]) if given else ""
        if len(given) > 1 or len(reason) > MAX_REASON or not _TEXT.fullmatch(reason):
            raise ProblemRaised(
                "header.invalid", f"{REASON} is one text of at most {MAX_REASON} characters"
            )
        agent = self.request.headers.get("User-Agent", "")[:100]
        program = agent.encode("utf-8", "replace").decode()
        return Asked(origin=f"{self.request.remote or 'local'} {program}".strip(), reason=reason)

    @property
    def wait_s(self) -> int:
        """Seconds that `Prefer: wait=SECONDS` (RFC 7240) asks for, at most the limit; 0: none."""
        for preference in ",".join(self.request.headers.getall("Prefer", [])).split(","):
            name, _, value = preference.partition(";")[0].partition("=")
            if name.strip().lower() == "wait":
                seconds = value.strip().strip('"')
                if not (seconds.isascii() and seconds.isdigit() and len(seconds) <= 6):
                    raise ProblemRaised("header.invalid", "Prefer: wait takes whole seconds")
                return min(int(seconds), self.services.limits.max_wait_s)
        return 0
