"""Dry runs of bulk forks: all are counted, some of each version followed in memory."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final

import msgspec

from engine.model.ids import format_execution
from projections.database import Row
from projections.questions.executions import count_executions
from schemas.api.bulk import BulkForesight, BulkGroup, BulkLine, BulkOutcome, BulkProgress
from schemas.api.forks import Foresight
from server.api.door.problem import ProblemRaised
from server.api.forks.batches import BulkOrder, Selection, caught_up
from server.api.forks.each import fork_one, problem_with
from server.api.forks.forking import Asker

TRIED: Final = 20
"""Executions that a dry run follows, at most, of all versions together."""

_EXAMPLES = 5


async def foreseen(asker: Asker, order: BulkOrder) -> AsyncGenerator[BulkLine]:
    """Count, then say what would happen. Nothing is written. Problems: body.invalid,
    bulk.too_many."""
    services = asker.services
    behind = await caught_up(services)
    selection = Selection.of(asker.namespace, order, await services.leases.now_ms())
    yield BulkLine(count=await selection.count(services), behind=behind)
    versions = await count_executions(
        services.executions, asker.namespace, selection.wanted, ("workflow", "version"),
        before=selection.end,
    )  # fmt: skip
    told, each = versions[:TRIED], TRIED // max(1, min(TRIED, len(versions)))
    groups: list[BulkGroup] = []
    for version in told:
        groups.append(await _group(asker, order, selection, version, each))
        tried = sum(one.tried for one in groups)
        total = sum(min(each, one["count"]) for one in told)
        yield BulkLine(progress=BulkProgress(done=tried, total=max(tried, total)))
    yield BulkLine(
        foresight=BulkForesight(
            tried=sum(one.tried for one in groups), more=len(versions) - len(told), groups=groups
        )
    )


async def _group(
    asker: Asker, order: BulkOrder, selection: Selection, version: Row, each: int
) -> BulkGroup:
    """The newest executions of a version, each followed."""
    narrowed = msgspec.structs.replace(
        selection.wanted, workflow=version["workflow"], version=version["version"]
    )
    own = Selection(
        selection.namespace, narrowed, selection.horizon, selection.limit, selection.closed
    )
    rows = (await own.page(asker.services, None))[: min(each, order.limit or each)]
    return BulkGroup(
        workflow=version["workflow"],
        version=version["version"],
        count=version["count"],
        tried=len(rows),
        outcomes=await _outcomes(asker, order, rows),
    )


async def _outcomes(asker: Asker, order: BulkOrder, rows: Sequence[Row]) -> list[BulkOutcome]:
    found: dict[Any, BulkOutcome] = {}
    for row in rows:
        source = row["execution_id"]
        try:
            answer = await fork_one(asker, order, source, "")
        except Exception as error:  # noqa: BLE001 - one bad record never stops the others
            outcome = _refused(problem_with(source, error))
        else:
            assert answer.dry_run is not None, "it was one"
            outcome = _outcome(answer.dry_run)
        sort = (outcome.outcome, outcome.stop, outcome.code, "" if outcome.code else outcome.told)
        known = found.setdefault(sort, outcome)
        known.count += 1
        if len(known.examples) < _EXAMPLES:
            known.examples.append(format_execution(source))
    return sorted(found.values(), key=lambda one: (-one.count, one.told))


def _refused(problem: ProblemRaised) -> BulkOutcome:
    return BulkOutcome(
        outcome="refused", code=problem.code, told=problem.detail, count=0, examples=[]
    )


def _outcome(seen: Foresight) -> BulkOutcome:
    if seen.stop is not None:
        told = seen.stop_message or seen.stop
    elif seen.error is not None:
        told = f"fails with {seen.error['code']}"
    else:
        told = f"ends as {seen.status}"
    return BulkOutcome(outcome=seen.status, stop=seen.stop, told=told, count=0, examples=[])
