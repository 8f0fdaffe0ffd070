"""Every setting of a server, from its environment and the flags of its command.

A flag wins over the variable, the variable over the default. docs/configuration.md lists them
all; a test compares.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from engine.model.errors import RefoldError

ROLES = ("api", "engine", "projector", "worker")
DEFAULT_HTTP = "127.0.0.1:7070"
DEFAULT_NATS = "127.0.0.1:4222"


class BadSetting(RefoldError):
    """A setting has a value that cannot be used: the server refuses to start."""

    code = "settings.invalid"


def _variable(name: str, default: Any, doc: str) -> Any:
    return field(default=default, metadata={"variable": name, "doc": doc})


@dataclass(frozen=True)
class Settings:
    """How a server works. Each field's metadata holds its variable and what it means."""

    database_url: str = _variable(
        "REFOLD_DATABASE_URL",
        "",
        "Postgres 15 or newer, for the running server. `refold up` starts its own where this is"
        " unset.",
    )
    database_owner_url: str = _variable(
        "REFOLD_DATABASE_OWNER_URL",
        "",
        "The same database as the owner of the tables, who migrates them and makes partitions"
        " ahead. Unset: REFOLD_DATABASE_URL does both.",
    )
    database_connections: int = _variable(
        "REFOLD_DATABASE_CONNECTIONS", 10, "Connections of one server to Postgres, at most."
    )
    nats_url: str = _variable(
        "REFOLD_NATS_URL",
        "",
        "NATS with JetStream. `refold up` starts its own where this is unset.",
    )
    events_in: str = _variable(
        "REFOLD_EVENTS_IN",
        "cloudevents.in",
        "Subject prefix on which CloudEvents come in: PREFIX.NAMESPACE.ANYTHING.",
    )
    events_out: str = _variable(
        "REFOLD_EVENTS_OUT",
        "cloudevents.out",
        "Subject prefix on which produced CloudEvents go out: PREFIX.NAMESPACE.TYPE.",
    )
    http: str = _variable(
        "REFOLD_HTTP", DEFAULT_HTTP, "HOST:PORT of the API. Port 0 takes any free one."
    )
    api_keys_file: str = _variable(
        "REFOLD_API_KEYS_FILE",
        "",
        "File of API keys: JSON object of name and SHA-256, or lines NAME:SHA-256-hex. Without it"
        " the API listens on loopback alone.",
    )
    master_key_file: str = _variable(
        "REFOLD_MASTER_KEY_FILE",
        "",
        "File of master keys for namespaces that encrypt: lines NAME:BASE64 of 32 bytes. The first"
        " wraps new data keys, all of them unwrap. Keep a copy: without it sealed data is lost.",
    )
    max_body_bytes: int = _variable(
        "REFOLD_MAX_BODY_BYTES", 4_194_304, "Size of a request's body, at most."
    )
    max_connections: int = _variable(
        "REFOLD_MAX_CONNECTIONS", 2_000, "HTTP connections at once, at most."
    )
    max_streams: int = _variable(
        "REFOLD_MAX_STREAMS",
        500,
        "Live views and downloads of logs at once, at most; one more is answered 503.",
    )
    public_url: str = _variable(
        "REFOLD_PUBLIC_URL",
        "",
        "URL under which services reach the API, told to them in callback states. Unset: where"
        " this server's own API listens, if it has one.",
    )
    functions_dir: str = _variable(
        "REFOLD_FUNCTIONS_DIR",
        "",
        "Folder whose modules `python:MODULE:FUNCTION` operations name. Unset: this server runs no"
        " Python functions.",
    )
    egress_allow: str = _variable(
        "REFOLD_EGRESS_ALLOW",
        "",
        "Addresses beyond public ones that actions may call, by commas: networks (10.1.0.0/16) or"
        " hosts. `refold up` allows loopback.",
    )
    shards: int = _variable(
        "REFOLD_SHARDS",
        64,
        "Shards of a new installation; fixed for its life by the first migration.",
    )
    engine_name: str = _variable(
        "REFOLD_ENGINE_NAME",
        "",
        "What this engine is called among all, at most 24 letters, digits and . _ -;"
        " process and chance are added. Unset: the host's name.",
    )
    lease_ttl_ms: int = _variable(
        "REFOLD_LEASE_TTL_MS",
        10_000,
        "Milliseconds after which a silent engine's shards go to another.",
    )
    expression_workers: int = _variable(
        "REFOLD_EXPRESSION_WORKERS",
        2,
        "Processes that evaluate what our own compiler of expressions does not cover.",
    )
    log_level: str = _variable(
        "REFOLD_LOG_LEVEL", "warning", "What is logged: debug, info, warning or error."
    )

    @property
    def http_address(self) -> tuple[str, int]:
        """Host and port of the API."""
        return parse_address("REFOLD_HTTP", self.http)

    @property
    def api_keys_path(self) -> Path | None:
        """The file of API keys."""
        return Path(self.api_keys_file) if self.api_keys_file else None

    @property
    def master_key_path(self) -> Path | None:
        """The file of master keys."""
        return Path(self.master_key_file) if self.master_key_file else None

    @property
    def functions_path(self) -> Path | None:
        """The folder of Python functions. Raises BadSetting."""
        if not self.functions_dir:
            return None
        path = Path(self.functions_dir)
        if not path.is_dir():
            raise BadSetting(f"REFOLD_FUNCTIONS_DIR (--functions) {path} is not a folder")
        return path


_BOUNDS = {
    "database_connections": (4, 500),
    "max_body_bytes": (1_024, 268_435_456),
    "max_connections": (1, 100_000),
    "max_streams": (1, 100_000),
    "shards": (1, 4_096),
    "lease_ttl_ms": (1_000, 600_000),
    "expression_workers": (1, 64),
}
_LEVELS = ("debug", "info", "warning", "error")


def read_settings(environment: Mapping[str, str] | None = None, **flags: Any) -> Settings:
    """Settings of the environment; `flags` that are not None win. Raises BadSetting, naming the
    variable."""
    source = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    for one in fields(Settings):
        variable = one.metadata["variable"]
        given = flags.get(one.name)
        if given is None:
            given = source.get(variable)
        if given is not None and given != "":
            values[one.name] = _read(variable, one.name, given, one.default)
    settings = Settings(**values)
    _check(settings)
    return settings


def _read(variable: str, name: str, given: Any, default: Any) -> Any:
    if not isinstance(default, int):
        return str(given)
    low, high = _BOUNDS[name]
    try:
        number = int(given)
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise BadSetting(f"{variable} is {str(given)[:40]!r}; set a whole number {low} to {high}")
    return number


def _check(settings: Settings) -> None:
    parse_address("REFOLD_HTTP", settings.http)
    if settings.log_level.lower() not in _LEVELS:
        raise BadSetting(f"REFOLD_LOG_LEVEL is one of {', '.join(_LEVELS)}")
    if not re.fullmatch(r"[A-Za-z0-9._-]{0,24}", settings.engine_name):
        raise BadSetting("REFOLD_ENGINE_NAME has other characters than letters, digits and . _ -")
    for prefix in (settings.events_in, settings.events_out):
        if not re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", prefix):
            raise BadSetting(f"{prefix[:60]!r} is not a NATS subject prefix; use names and dots")


def parse_address(name: str, text: str) -> tuple[str, int]:
    """HOST:PORT, also [IPv6]:PORT. Raises BadSetting."""
    host, colon, port = text.rpartition(":")
    plain = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not plain or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise BadSetting(f"{name} is {text[:80]!r}; write HOST:PORT, such as {DEFAULT_HTTP}")
    return plain, int(port)
