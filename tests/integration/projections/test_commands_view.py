"""The commands that executions obeyed: who asked for what, from where and why."""

import asyncpg
import pytest
import pytest_asyncio

from engine.model.ids import format_execution
from projections.questions.commands import LAST, CommandFilter, list_commands
from projections.runner import Projector
from projections.store import ReadStore
from projections.views.commands import ACTIONS
from schemas.events import bodies as b
from schemas.events.parts import Asked, CloudEventRef
from tests.integration.projections.made_up import Logs

ANN, ENGINE = {"actor": "key:ann"}, {"actor": "engine"}
FIRST = {
    "workflow": "order", "version": "1", "definition_hash": "h", "dialect": "d", "ir_version": 1,
}  # fmt: skip


@pytest_asyncio.fixture
async def store(read_database: asyncpg.Pool) -> ReadStore:
    """Three executions: started and cancelled by people, started by a CloudEvent, forked."""
    store = ReadStore(read_database)
    await store.open()
    logs = Logs()
    one = logs.add(
        1,
        (b.ExecutionStarted(**FIRST, asked=Asked("10.0.0.1 cli", "nightly")), ANN),
        (b.ExecutionSuspended(reason="paused", asked=Asked("", "look")), {"actor": "key:bob"}),
        (b.ExecutionResumed(mode="continue"), ENGINE),
        (b.ExecutionCancelled(asked=Asked("10.0.0.2", "wrong \0 price")), ANN),
    )
    ref = CloudEventRef(position=7, id="x", source="s", type="t")
    logs.add(2, (b.ExecutionStarted(**FIRST, trigger=ref), {"actor": "key:shop"}))
    logs.add(
        3,
        (b.ExecutionStarted(**FIRST, asked=Asked("10.0.0.1 cli", "nightly")), ANN),
        (
            b.ExecutionForked(
                source=format_execution(one), at=1, source_hash="", **FIRST, asked=Asked("", "fix")
            ),
            {"actor": "key:bob"},
        ),
    )
    while await Projector(logs, store).catch_up():
        continue
    return store


async def told(store, before=LAST, limit=10, **wanted):
    rows = await list_commands(store, "default", CommandFilter(**wanted), before, limit)
    return [(row["actor"], row["action"], row["reason"]) for row in rows]


CANCELLED = ("key:ann", "execution.cancelled", "wrong \N{REPLACEMENT CHARACTER} price")
FORKED = ("key:bob", "execution.forked", "fix")
PAUSED = ("key:bob", "execution.paused", "look")
STARTED = ("key:ann", "execution.started", "nightly")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, [CANCELLED, FORKED, PAUSED, STARTED]),
        ({"actor": "key:bob"}, [FORKED, PAUSED]),
        ({"action": "execution.paused"}, [PAUSED]),
        ({"action": "execution."}, [CANCELLED, FORKED, PAUSED, STARTED]),
        ({"action": "execution"}, []),
        ({"since": 2**60}, []),
    ],
)
async def test_commands_are_found_the_newest_first(store, wanted, expected):
    assert await told(store, **wanted) == expected


async def test_pages_follow_each_other_and_a_command_is_found_by_its_execution(store):
    rows = await list_commands(store, "default", CommandFilter(), LAST, 2)
    last = rows[-1]
    place = last["at"], last["execution_id"], last["seq"]
    assert await told(store, before=place) == [PAUSED, STARTED]
    assert await told(store, target=last["execution_id"]) == [FORKED]
    assert rows[0]["origin"] == "10.0.0.2"
    assert await list_commands(store, "another", CommandFilter(), LAST, 2) == []


async def test_a_step_is_one_command_and_a_redrive_is_no_fork(read_database):
    """A suspension that follows from something has the actor of it, and is nobody's command."""
    store = ReadStore(read_database)
    await store.open()
    logs, asked = Logs(), Asked("10.0.0.1 cli", "look")
    logs.add(
        1,
        (b.ExecutionStarted(**FIRST), ENGINE),
        (b.ExecutionSuspended(reason="breakpoint", breakpoint="bp"), ANN),
        (b.ExecutionResumed(mode="step", asked=asked), ANN),
        (b.ExecutionSuspended(reason="step"), ANN),
        (b.ExecutionResumed(asked=asked), ANN),
        (
            b.ExecutionForked(
                source="ex_1", at=1, source_hash="", **FIRST, redrive=True, asked=asked
            ),
            ANN,
        ),
        (b.ExecutionSuspended(reason="forked"), ANN),
        (b.ExecutionSuspended(reason="imported"), ANN),
    )
    while await Projector(logs, store).catch_up():
        continue
    rows = await list_commands(store, "default", CommandFilter(), LAST, 10)
    assert [(row["action"], row["origin"], row["reason"]) for row in rows] == [
        (action, "10.0.0.1 cli", "look")
        for action in ("execution.redriven", "execution.resumed", "execution.stepped")
    ]
    assert {row["action"] for row in rows} <= set(ACTIONS)
