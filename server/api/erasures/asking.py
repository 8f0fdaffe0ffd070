"""Erasures: asked for, counted, listed; and how a namespace encrypts."""

from uuid import UUID

from aiohttp import web

from engine.model.errors import BadIdentifier, NotFound
from engine.model.ids import format_execution, parse_execution
from engine.ports.audit import Deed
from engine.ports.erasures import Erasure
from engine.ports.keys import KeyRow
from schemas.api import erasures as answers
from schemas.events.parts import Asked
from server.api.door.body import read_model
from server.api.door.cursor import read_number_cursor, write_cursor
from server.api.door.exchange import Exchange
from server.api.door.problem import ProblemRaised
from server.api.door.reply import json_reply
from server.api.door.times import format_time
from server.api.erasures.erasing import ERASING, Extent, extent_of, standing_of
from server.api.past.reading import check_exists

PREFIX = "er_"


async def erase(exchange: Exchange) -> web.Response:
    """POST /erasures: 200 with counts for a dry run, else 202: it will be done, whatever dies."""
    wanted = await read_model(exchange, answers.EraseData)
    asked = _asked(exchange, wanted.reason)
    if not wanted.dry_run and not asked.reason:
        raise ProblemRaised("body.invalid", "an erasure needs a reason: say why, without the data")
    key, target = await _target(exchange, wanted)
    if wanted.dry_run:
        return json_reply(await _counted(exchange, key))
    if key.wrapped is not None:
        _check(wanted, await standing_of(exchange.services, exchange.namespace, key.key_id))
    deed = Deed(
        exchange.namespace, exchange.actor, "data.erasure_asked", target, asked,
        {"key": key.key_id, "cancel": wanted.cancel},
    )  # fmt: skip
    erasure = await exchange.services.erasures.ask(key.key_id, wanted.cancel, deed)
    exchange.request.app[ERASING].wake()
    place = f"/v1/namespaces/{exchange.namespace}/erasures/{PREFIX}{erasure.id}"
    return json_reply(_members(erasure), 202, {"Location": place})


async def _target(exchange: Exchange, wanted: answers.EraseData) -> tuple[KeyRow, str]:
    """The key that is to go, and what the erasure is called by. Problems: not_found,
    erasure.not_sealed."""
    services = exchange.services
    if wanted.subject is not None:
        owner = await _owner(exchange, wanted.subject)
        rows = await services.keys.of_owner(exchange.namespace, "subject", owner)
        if not rows:
            raise ProblemRaised("not_found", "no execution here has data of this subject")
        return rows[0], rows[0].key_id
    execution_id = _execution(wanted.execution or "")
    await check_exists(exchange, execution_id)
    key_id = (await services.keys.of_executions([execution_id])).get(execution_id)
    rows = await services.keys.find([key_id]) if key_id is not None else []
    if not rows:
        raise ProblemRaised(
            "erasure.not_sealed",
            f"{format_execution(execution_id)} began while its namespace did not encrypt",
        )
    return rows[0], format_execution(execution_id)


async def _owner(exchange: Exchange, subject: str) -> str:
    settings = {one.namespace for one in await exchange.services.keys.settings()}
    if exchange.namespace not in settings:
        raise ProblemRaised("erasure.not_sealed", "this namespace never encrypted")
    return await exchange.services.key_office.owner_of(exchange.namespace, subject)


def _execution(text: str) -> UUID:
    try:
        return parse_execution(text)
    except BadIdentifier as error:
        raise ProblemRaised("id.malformed", error.message) from None


def _check(wanted: answers.EraseData, extent: Extent) -> None:
    """Problems: erasure.shared, erasure.running."""
    if wanted.execution is not None and len(extent.executions) > 1 and not wanted.with_others:
        raise ProblemRaised("erasure.shared", f"its key seals {len(extent.executions)} executions")
    if extent.running and not wanted.cancel:
        shown = ", ".join(format_execution(one) for one in extent.running[:5])
        raise ProblemRaised("erasure.running", f"{len(extent.running)} run: {shown}")


async def _counted(exchange: Exchange, key: KeyRow) -> answers.ErasureExtent:
    """Problem execution.erased where nothing is left to count."""
    if key.wrapped is None:
        raise ProblemRaised("execution.erased", f"the key {key.key_id} is deleted already")
    extent = await extent_of(exchange.services, exchange.namespace, key.key_id)
    return answers.ErasureExtent(
        key=key.key_id,
        executions=len(extent.executions),
        running=len(extent.running),
        events=extent.events,
        cloudevents=len(extent.positions),
        snapshots=await exchange.services.erasures.snapshots(extent.executions),
    )


async def show(exchange: Exchange) -> web.Response:
    """GET /erasures/{erasure}."""
    name = exchange.path_name("erasure")
    number = name.removeprefix(PREFIX)
    if not (name.startswith(PREFIX) and number.isascii() and number.isdigit() and len(number) < 19):
        raise ProblemRaised("id.malformed", f"{name[:60]!r} is not an id of the form {PREFIX}...")
    found = await exchange.services.erasures.get(exchange.namespace, int(number))
    if found is None:
        raise NotFound(f"there is no erasure {name} in this namespace")
    return json_reply(_members(found))


async def index(exchange: Exchange) -> web.Response:
    """GET /erasures: the newest first."""
    limit = exchange.query["limit"]
    before = read_number_cursor(exchange.query["cursor"]) or None
    rows = await exchange.services.erasures.latest(exchange.namespace, before, limit + 1)
    page, rest = rows[:limit], rows[limit:]
    following = write_cursor(str(page[-1].id)) if rest else None
    return json_reply(answers.ErasurePage(items=[_members(one) for one in page], next=following))


def _members(row: Erasure) -> answers.Erasure:
    return answers.Erasure(
        id=f"{PREFIX}{row.id}",
        key=row.key_id,
        target=row.target,
        state="under_way" if row.done_at is None else "done",
        cancel=row.cancel,
        actor=row.actor,
        reason=row.reason,
        asked_at=format_time(row.asked_at),
        done_at=None if row.done_at is None else format_time(row.done_at),
        executions=row.executions,
        cloudevents=row.cloudevents,
    )


async def encryption(exchange: Exchange) -> web.Response:
    """GET /settings/encryption."""
    return json_reply(await _setting(exchange, changed=False))


async def set_encryption(exchange: Exchange) -> web.Response:
    """POST /settings/encryption: 200, `changed` says whether it was another before."""
    wanted = await read_model(exchange, answers.SetEncryption)
    services, namespace = exchange.services, exchange.namespace
    key_id, wrapped = ("", b"") if wanted.encryption == "off" else services.key_office.fresh()
    deed = Deed(
        namespace, exchange.actor, "encryption.set", namespace,
        _asked(exchange, wanted.reason), {"encryption": wanted.encryption},
    )  # fmt: skip
    changed = await services.keys.set_encryption(
        namespace, wanted.encryption, key_id, wrapped, deed
    )
    services.key_office.forget()
    await services.hints.notify(f"keys.{namespace}")
    return json_reply(await _setting(exchange, changed=changed))


async def _setting(exchange: Exchange, *, changed: bool) -> answers.Encryption:
    for one in await exchange.services.keys.settings():
        if one.namespace == exchange.namespace:
            return answers.Encryption(
                namespace=one.namespace, encryption=one.encryption,
                since=format_time(one.since), changed=changed,
            )  # fmt: skip
    return answers.Encryption(namespace=exchange.namespace, encryption="off", since=None)


def _asked(exchange: Exchange, reason: str) -> Asked:
    """From where and why: the body's reason, else the header's."""
    asked = exchange.asked
    return Asked(origin=asked.origin, reason=reason or asked.reason)
