"""Live views of one execution share their looks at the log."""

import asyncio
from uuid import UUID

import pytest

from engine.adapters.memory.hints import MemoryHints
from engine.model.errors import Unavailable
from engine.model.ids import shard_of
from server.api.door.problem import ProblemRaised
from server.api.live.tails import Tails

ONE, TWO = UUID(int=1), UUID(int=2)
TOPIC = f"log.{shard_of(ONE)}"


class Looked:
    """A log whose last event is a number; counts the looks."""

    def __init__(self) -> None:
        self.last: dict[UUID, int] = {}
        self.looks = 0

    async def last_event(self, execution_id):
        self.looks += 1
        await asyncio.sleep(0)
        return self.last.get(execution_id)


@pytest.fixture
def log():
    return Looked()


@pytest.fixture
def hints():
    return MemoryHints()


@pytest.fixture
def tails(log, hints):
    return Tails(log, hints, 2)


@pytest.fixture
async def hearing(tails):
    context = tails.listening(None)
    await anext(context)
    yield
    await anext(context, None)


async def test_all_who_watch_an_execution_share_one_look(tails, log):
    with tails.watched(ONE) as first, tails.watched(ONE) as second:
        log.last[ONE] = 7
        assert await asyncio.gather(first.look(60), second.look(60), first.look(60)) == [7, 7, 7]
        assert log.looks == 1


@pytest.mark.usefixtures("hearing")
async def test_a_hint_leads_to_one_look_for_each_execution(tails, log, hints):
    with tails.watched(ONE) as tail, tails.watched(ONE) as same, tails.watched(TWO) as other:
        await asyncio.gather(tail.look(60), other.look(60))
        for _ in range(10):
            await hints.notify(TOPIC)
        log.last[ONE] = 8
        assert await asyncio.gather(tail.rung(60), same.rung(60)) == [True, True]
        assert await asyncio.gather(tail.look(60), same.look(60)) == [8, 8]
        assert log.looks == 3
        await other.look(60)
        assert log.looks == 4


@pytest.mark.usefixtures("hearing")
async def test_hints_of_other_shards_wake_nobody(tails, hints):
    with tails.watched(ONE) as tail:
        await tail.look(60)
        await hints.notify(f"log.{shard_of(ONE) + 1}")
        assert await tail.rung(0.01) is False


async def test_without_hints_an_old_look_is_made_anew_and_growth_wakes_the_others(tails, log):
    with tails.watched(ONE) as tail:
        await tail.look(60)
        waiting = asyncio.create_task(tail.rung(60))
        await asyncio.sleep(0)
        log.last[ONE] = 9
        assert await tail.look(0) == 9
        assert await waiting is True
        assert await tail.rung(0.01) is False


async def test_a_look_that_fails_is_made_again(tails, log, monkeypatch):
    async def away(_):
        raise Unavailable("Postgres is away")

    with tails.watched(ONE) as tail:
        with monkeypatch.context() as broken:
            broken.setattr(log, "last_event", away)
            with pytest.raises(Unavailable):
                await tail.look(60)
        log.last[ONE] = 1
        assert await tail.look(60) == 1


def test_nothing_is_kept_of_what_nobody_watches(tails):
    with tails.watched(ONE) as first:
        pass
    with tails.watched(ONE) as again:
        assert again is not first


def test_a_place_is_given_back(tails):
    with tails.place(), tails.place(), pytest.raises(ProblemRaised):
        tails.place().__enter__()
    with tails.place():
        pass
