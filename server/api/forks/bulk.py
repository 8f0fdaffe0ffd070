"""Forks and redrives of many executions: one after the other, once for each, told line by line."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Final
from uuid import UUID

from aiohttp import web

from engine.core.timetravel.patch import PatchFault, checked_patch
from engine.model.errors import RefoldError
from engine.model.ids import format_execution
from schemas.api import bulk as answers
from schemas.api.answers import FaultPlace
from schemas.api.forks import Fork
from server.api.door.body import read_model
from server.api.door.exchange import Exchange
from server.api.door.problem import ProblemRaised
from server.api.executions.starting import idempotency_key
from server.api.forks.batches import Batch, BulkOrder, begun, ended
from server.api.forks.bulk_foresight import foreseen
from server.api.forks.each import FAULT, fork_one, problem_with, told
from server.api.forks.forking import Asker
from server.api.live.tails import TAILS

NDJSON: Final = "application/x-ndjson"
AT_ONCE: Final = 8
"""Forks that are made at the same time, of one batch."""

_PROGRESS_S = 0.5
_EXAMPLES = 5


async def fork(exchange: Exchange) -> web.StreamResponse:
    """POST /executions/fork."""
    wanted = await read_model(exchange, answers.BulkFork)
    each = Fork(**wanted.fork.model_dump(), dry_run=wanted.dry_run)
    if each.at is None and each.patch_input is None:
        raise _invalid("say after which event: at", "/fork/at")
    if each.at not in (None, 0, "start") and each.patch_input is not None:
        raise _invalid("an edited input starts anew: leave `at` out", "/fork/at")
    _check_patches(each, "/fork")
    order = BulkOrder(
        wanted.filter, each, redrive=False, again=True, limit=wanted.limit, rate=wanted.rate,
        key=idempotency_key(exchange),
    )  # fmt: skip
    return await _answered(exchange, wanted, order)


async def redrive(exchange: Exchange) -> web.StreamResponse:
    """POST /executions/redrive."""
    wanted = await read_model(exchange, answers.BulkRedrive)
    each = Fork(**wanted.redrive.model_dump(), dry_run=wanted.dry_run)
    _check_patches(each, "/redrive")
    chosen = wanted.filter
    if chosen.status is None:
        chosen = chosen.model_copy(update={"status": "failed"})
    order = BulkOrder(
        chosen, each, redrive=True, again=wanted.again, limit=wanted.limit, rate=wanted.rate,
        key=idempotency_key(exchange),
    )  # fmt: skip
    return await _answered(exchange, wanted, order)


def _invalid(detail: str, pointer: str) -> ProblemRaised:
    return ProblemRaised("body.invalid", detail, [FaultPlace(detail=detail, pointer=pointer)])


def _check_patches(each: Fork, pointer: str) -> None:
    """What is wrong for every execution is told at once. Problems: patch.malformed,
    patch.too_large, fork.invalid."""
    patches = {"patch_data": each.patch_data, "patch_input": each.patch_input}
    patches |= {f"patch_events/{position}": one for position, one in each.patch_events.items()}
    for member, patch in patches.items():
        try:
            checked_patch([] if patch is None else patch)
        except PatchFault as fault:
            where = "" if fault.operation is None else f"/{fault.operation}"
            place = FaultPlace(detail=fault.message, pointer=f"{pointer}/{member}{where}")
            raise ProblemRaised(fault.code, fault.message, [place]) from None
    if each.version is not None and each.definition_hash is not None:
        raise _invalid("name a version or a hash, not both", f"{pointer}/definition_hash")


async def _answered(
    exchange: Exchange, wanted: answers.Bulk, order: BulkOrder
) -> web.StreamResponse:
    asker = Asker.of(exchange, wanted.reason)
    if not wanted.dry_run and not asker.asked.reason:
        raise _invalid("forks in bulk need a reason", "/reason")
    with exchange.request.app[TAILS].place():
        lines = foreseen(asker, order) if wanted.dry_run else _forked(asker, order)
        async with contextlib.aclosing(lines):
            first = await anext(lines)
            response = web.StreamResponse(headers={"Content-Type": NDJSON})
            await response.prepare(exchange.request)
            with contextlib.suppress(ConnectionError):  # whoever asked is gone: it stops there
                await _write(response, first)
                async for line in _to_the_end(lines):
                    await _write(response, line)
                await response.write_eof()
    return response


async def _write(response: web.StreamResponse, line: answers.BulkLine) -> None:
    await response.write(line.model_dump_json(exclude_none=True).encode() + b"\n")


async def _to_the_end(
    lines: AsyncGenerator[answers.BulkLine],
) -> AsyncIterator[answers.BulkLine]:
    """The lines; where a service goes away, that is the last one."""
    try:
        async for line in lines:
            yield line
    except (RefoldError, ProblemRaised, OSError) as error:
        problem = told(error)
        yield answers.BulkLine(problem={"code": problem.code, "detail": problem.detail})


async def _forked(asker: Asker, order: BulkOrder) -> AsyncGenerator[answers.BulkLine]:
    """Begin, go on to the end, and record that. Raises what keeps it from going on."""
    batch = await begun(asker, order)
    yield answers.BulkLine(batch=batch.id, count=batch.count, behind=batch.behind)
    work = _Work(asker, order, batch)
    async for done in work.steps():
        progress = answers.BulkProgress(done=done, total=max(batch.count, done))
        yield answers.BulkLine(progress=progress)
    summary = work.summary()
    await ended(asker, batch, summary)
    yield answers.BulkLine(summary=summary)


class _Work:
    """A batch on its way."""

    def __init__(self, asker: Asker, order: BulkOrder, batch: Batch) -> None:
        self._asker, self._order, self._batch = asker, order, batch
        self._made = {False: 0, True: 0}
        self._refused: dict[str, answers.BulkRefusals] = {}

    async def steps(self) -> AsyncIterator[int]:
        """Fork them all; from time to time how many are done."""
        clock = asyncio.get_running_loop()
        done, told_at = 0, clock.time()
        async for chunk in self._chunks():
            began_at = clock.time()
            found = await asyncio.gather(*map(self._one, chunk), return_exceptions=True)
            for one in found:
                if isinstance(one, BaseException):
                    raise one
            done += len(chunk)
            if clock.time() - told_at >= _PROGRESS_S:
                told_at = clock.time()
                yield done
            if self._order.rate is not None:
                due = began_at + len(chunk) / self._order.rate
                await asyncio.sleep(max(0.0, due - clock.time()))

    async def _chunks(self) -> AsyncIterator[Sequence[UUID]]:
        """Their ids, few at a time, the newest first."""
        selection, services = self._batch.selection, self._asker.services
        size = min(AT_ONCE, self._order.rate or AT_ONCE)
        left, place = selection.limit or answers.MAX_LIMIT, None
        while left and (rows := await selection.page(services, place)):
            ids = [row["execution_id"] for row in rows[:left]]
            for start in range(0, len(ids), size):
                yield ids[start : start + size]
            left, place = left - len(ids), ids[-1]

    async def _one(self, source: UUID) -> None:
        try:
            made = await fork_one(self._asker, self._order, source, self._batch.id)
        except Exception as error:  # noqa: BLE001 - one bad record never stops the others
            self._note(source, error)
        else:
            self._made[made.replayed] += 1

    def _note(self, source: UUID, error: Exception) -> None:
        """Why there is no fork of it. Raises what concerns them all."""
        problem = problem_with(source, error)
        known = self._refused.setdefault(
            problem.code,
            answers.BulkRefusals(code=problem.code, count=0, detail=problem.detail, examples=[]),
        )
        known.count += 1
        if len(known.examples) < _EXAMPLES:
            known.examples.append(format_execution(source))

    def summary(self) -> answers.BulkSummary:
        """What became of them, the most frequent first."""
        refused = sorted(self._refused.values(), key=lambda one: (-one.count, one.code))
        return answers.BulkSummary(
            forked=self._made[False],
            before=self._made[True],
            skipped=[one for one in refused if one.code != FAULT],
            failed=[one for one in refused if one.code == FAULT],
        )
