"""Which executions a bulk fork is of, and what stops it."""

from types import SimpleNamespace
from uuid import UUID

import pytest

from engine.model.errors import Erased, RefoldError, Unavailable
from schemas.api.bulk import BulkFilter
from schemas.api.forks import Fork
from server.api.door.problem import ProblemRaised
from server.api.forks import batches
from server.api.forks.batches import BulkOrder, Selection
from server.api.forks.each import problem_with

HORIZON = 1_000
SOURCE = UUID(int=7)


def selection(limit=None, **chosen):
    order = BulkOrder(
        BulkFilter(**chosen), Fork(at=0), redrive=False, again=True, limit=limit, rate=None
    )
    return Selection.of("default", order, HORIZON)


@pytest.fixture
def listed(monkeypatch):
    """Rows of the execution list, by the time each execution was closed at."""
    rows: list[dict] = []

    async def list_executions(_store, _namespace, _wanted, *, before, limit):
        return [row for row in rows if row["execution_id"] < before][:limit]

    monkeypatch.setattr(batches, "list_executions", list_executions)

    def fill(*closed):
        rows[:] = [
            {"execution_id": UUID(int=number), "closed_at": at}
            for number, at in zip(range(len(closed), 0, -1), closed, strict=True)
        ]

    return fill


async def closed_of(chosen):
    found, place = [], None
    while rows := await chosen.page(SimpleNamespace(executions=None), place):
        found += [row["closed_at"] for row in rows]
        place = rows[-1]["execution_id"]
    return found


@pytest.mark.parametrize(
    "chosen", [{"status": "failed"}, {"error": "connection"}, {"where": ["output.total=1"]}]
)
async def test_what_ends_after_the_batch_began_is_not_of_it(listed, chosen):
    listed(*[HORIZON] * 500, HORIZON - 1, None, HORIZON + 1, 5)
    assert await closed_of(selection(**chosen)) == [HORIZON - 1, 5]


async def test_where_the_filter_does_not_ask_for_an_end_all_are_of_it(listed):
    listed(*[HORIZON + 1] * 500, None, 5)
    assert len(await closed_of(selection(workflow="w"))) == 502


def test_ids_that_were_given_out_later_are_behind_its_end():
    end = selection(workflow="w").end
    assert UUID(int=(HORIZON - 1 << 80) + 2**80 - 1) < end
    assert UUID(int=HORIZON << 80) >= end


@pytest.mark.parametrize(("limit", "expected"), [(None, None), (20_000, 20_000), (3, 3)])
async def test_very_many_need_a_limit(monkeypatch, limit, expected):
    async def count_executions(*_arguments, **_options):
        return [{"count": 30_000}]

    monkeypatch.setattr(batches, "count_executions", count_executions)
    counted = selection(limit, workflow="w").count(SimpleNamespace(executions=None))
    if expected is not None:
        assert await counted == expected
        return
    with pytest.raises(ProblemRaised) as raised:
        await counted
    assert raised.value.code == "bulk.too_many"


def test_a_fault_with_one_of_them_stops_none_of_the_others(caplog):
    assert problem_with(SOURCE, Erased("gone")).code == "execution.erased"
    assert not caplog.records
    for fault in (KeyError("seq"), RefoldError("what no catalogue knows")):
        assert problem_with(SOURCE, fault).code == "internal"
    assert len(caplog.records) == 2


@pytest.mark.parametrize("away", [Unavailable("the database is away"), ConnectionResetError()])
def test_a_service_that_is_away_stops_them_all(away):
    with pytest.raises(type(away)):
        problem_with(SOURCE, away)
