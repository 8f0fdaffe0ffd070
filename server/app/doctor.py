"""`refold doctor`: looks at everything a server stands on, and says what to do about it."""

import platform
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Literal

from engine.adapters.nats.connection import NatsConnection
from engine.adapters.postgres import inspection
from engine.adapters.postgres.pool import Database, open_database
from engine.model.errors import RefoldError
from server.app.sealing import keychain_of
from server.settings import ROLES, Settings

_CLOCK_LIMIT_MS = 1_000
_DURABLE = {
    "fsync": ("on",),
    "full_page_writes": ("on",),
    "synchronous_commit": ("on", "local", "remote_write", "remote_apply"),
}


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `advice`: what to do, where there is something."""

    check: str
    outcome: Literal["ok", "warning", "error"]
    detail: str
    advice: str = ""


async def examine(settings: Settings, roles: Sequence[str] = ROLES) -> list[Finding]:
    """What servers of these roles stand on; a worker alone has no database. Nothing is changed."""
    findings = [Finding("refold", "ok", f"{version('refold')}, Python {platform.python_version()}")]
    if set(roles) != {"worker"}:
        findings += await _postgres(settings)
    findings.append(await _nats(settings))
    return findings


async def _postgres(settings: Settings) -> list[Finding]:
    if not settings.database_url:
        return [_unset("postgres", "REFOLD_DATABASE_URL")]
    try:
        database = await open_database(settings.database_url, "doctor", size=1)
    except (RefoldError, OSError) as error:
        return [_away("postgres", "REFOLD_DATABASE_URL", error)]
    try:
        return [*await _examined(database), await _master_keys(database, settings)]
    finally:
        await database.close()


async def _examined(database: Database) -> list[Finding]:
    checks: list[Callable[[Database], Awaitable[Finding]]] = [
        _durability,
        _migrated,
        _clock,
        _rights,
        _shards,
    ]
    findings: list[Finding] = []
    for check in checks:
        try:
            findings.append(await check(database))
        except RefoldError as error:
            findings.append(_away(check.__name__.strip("_"), "REFOLD_DATABASE_URL", error))
        except Exception as error:  # noqa: BLE001 - an empty database lacks what is asked
            findings.append(
                Finding(
                    check.__name__.strip("_"), "error", f"{type(error).__name__}: {error}",
                    "start a server once with REFOLD_DATABASE_OWNER_URL: it migrates",
                )
            )  # fmt: skip
    return findings


async def _durability(database: Database) -> Finding:
    found = await inspection.settings(database)
    weak = [name for name, good in _DURABLE.items() if found[name] not in good]
    shown = ", ".join(f"{name} {value}" for name, value in found.items() if name != "version")
    detail = f"Postgres {found['version']}: {shown}"
    if weak:
        return Finding(
            "durability", "error", detail, f"turn {', '.join(weak)} on: a crash loses commits"
        )
    return Finding("durability", "ok", detail)


async def _migrated(database: Database) -> Finding:
    missing = await inspection.missing_migrations(database)
    if missing:
        return Finding(
            "migrations", "error", f"{len(missing)} did not run: {', '.join(missing)}",
            "start a server with REFOLD_DATABASE_OWNER_URL: it migrates under a lock",
        )  # fmt: skip
    return Finding("migrations", "ok", "all ran")


async def _clock(database: Database) -> Finding:
    began = time.time()
    theirs = await inspection.now_ms(database)
    ours = int((began + time.time()) * 500)
    apart = abs(theirs - ours)
    detail = f"{apart} ms apart from the database's clock"
    if apart > _CLOCK_LIMIT_MS:
        return Finding("clock", "warning", detail, "synchronise both; the database's clock counts")
    return Finding("clock", "ok", detail)


async def _rights(database: Database) -> Finding:
    role, may = await inspection.may_change_events(database)
    if may:
        return Finding(
            "rights", "warning", f"an engine works as {role}, who could change events",
            "let it log in as a member of refold_engine, and the owner migrate"
            " (REFOLD_DATABASE_OWNER_URL)",
        )  # fmt: skip
    return Finding("rights", "ok", f"an engine works as {role}, who cannot change an event")


async def _shards(database: Database) -> Finding:
    found = await inspection.counts(database)
    detail = f"{found['owned']} of {found['shards']} owned, {found['partitions']} partitions"
    if not found["owned"]:
        return Finding("shards", "warning", detail, "start an engine: no shard is being worked for")
    return Finding("shards", "ok", detail)


async def _master_keys(database: Database, settings: Settings) -> Finding:
    """Whether a server with these settings could read what its namespaces have sealed."""
    try:
        keys = await keychain_of(database, settings)
        encrypted = [one for one in await keys.settings() if one.encryption != "off"]
    except RefoldError as error:
        return Finding(
            "master keys", "error", error.message,
            "correct REFOLD_MASTER_KEY_FILE: servers refuse to start, and what is sealed is lost"
            " without its master key",
        )  # fmt: skip
    except Exception as error:  # noqa: BLE001 - an empty database lacks what is asked
        return Finding("master keys", "error", f"{type(error).__name__}: {error}")
    return Finding("master keys", "ok", f"{len(encrypted)} namespaces encrypt, all keys open")


async def _nats(settings: Settings) -> Finding:
    if not settings.nats_url:
        return _unset("nats", "REFOLD_NATS_URL")
    connection = NatsConnection(settings.nats_url, "refold-doctor")
    connection.start()
    try:
        client = await connection.connected(5.0)
        account = await client.jetstream(timeout=5.0).account_info()
        return Finding(
            "nats", "ok", f"NATS {client.connected_server_version}, {account.streams} streams"
        )
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the doctor tells
        return _away("nats", "REFOLD_NATS_URL", error, " with JetStream (nats-server -js)")
    finally:
        await connection.close()


def _unset(check: str, variable: str) -> Finding:
    return Finding(
        check,
        "error",
        f"{variable} is not set",
        "set it; a running `refold up` printed its address",
    )


def _away(check: str, variable: str, error: Exception, more: str = "") -> Finding:
    detail = str(error) or type(error).__name__
    return Finding(check, "error", detail, f"start it{more}, or correct {variable}")
