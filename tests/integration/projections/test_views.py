"""What the views say of forks, imports, holds, failures, waits and CloudEvents."""

from typing import Any
from uuid import UUID

import asyncpg
import pytest_asyncio

from engine.model.ids import format_event, format_execution
from projections.questions.executions import ExecutionFilter, count_executions, list_executions
from projections.questions.history import list_attempts, list_scopes
from projections.questions.lineage import emission, taken_by, taken_from, takers
from projections.questions.statistics import statistics_of
from projections.questions.waits import WaitFilter, list_open_waits
from projections.runner import Projector
from projections.store import ReadStore
from projections.views.finding import condition_key, label_key
from schemas.events import bodies as b
from schemas.events.parts import AnswerPolicy, CloudEventRef, Error, EventFilter, Write
from tests.integration.projections.made_up import START_MS, Logs

Made = tuple[b.EventBody, dict[str, Any]]


@pytest_asyncio.fixture
async def store(read_database: asyncpg.Pool) -> ReadStore:
    store = ReadStore(read_database)
    await store.open()
    return store


async def project(logs: Logs, store: ReadStore) -> None:
    while await Projector(logs, store).catch_up():
        continue


def started(data: Any = None, **members: Any) -> Made:
    body = b.ExecutionStarted(
        workflow="order", version="1", definition_hash="h", dialect="d", ir_version=1,
        input=data if data is not None else {}, **members,
    )  # fmt: skip
    return body, {"actor": "key:ann"}


def entered(name: str = "One") -> Made:
    writes = (Write(mode="replace", of="parent"),)
    node = f"/states/{name}"
    return b.StateEntered(type="operation", writes=writes), {"frame": 1, "name": name, "node": node}


def left(frame: int) -> Made:
    return b.StateExited(writes=(Write(mode="replace", of="child"),)), {"frame": frame}


def scheduled(frame: int, attempt: int = 1, **members: Any) -> Made:
    body = b.ActionScheduled(function="f", handler="python", operation="o", timeout_ms=1, **members)
    return body, {"frame": frame, "name": "call", "attempt": attempt}


def forked(source: UUID, at: int, **members: Any) -> Made:
    body = b.ExecutionForked(
        source=format_execution(source), at=at, source_hash="00", workflow="order", version="2",
        definition_hash="h2", dialect="d", ir_version=1, **members,
    )  # fmt: skip
    return body, {"frame": 0}


def of(name: str, condition: str) -> ExecutionFilter:
    key = label_key if name == "label" else None
    given = key("default", *condition.split("=")) if key else condition_key("default", condition)
    return ExecutionFilter(keys=(given,))


async def ids(store: ReadStore, wanted: ExecutionFilter) -> list[UUID]:
    return [row["execution_id"] for row in await list_executions(store, "default", wanted)]


async def test_labels_and_values_of_input_and_output_find_executions(store: ReadStore) -> None:
    logs = Logs()
    first = logs.add(1, started({"id": 1, "kind": "a"}, labels={"env": "prod"}), entered(), left(2))
    logs.add(1, (b.ExecutionCompleted(), {"frame": 1}))
    second = logs.add(2, started({"id": 2, "kind": "a\0"}, labels={"env": "prod", "x": "\0"}))
    await project(logs, store)
    assert await ids(store, of("label", "env=prod")) == [second, first]
    assert await ids(store, of("value", "input.id=1.0")) == [first]
    assert await ids(store, of("value", "output.id=1")) == [first]
    assert await ids(store, of("value", 'input.kind="a\\u0000"')) == [second]
    both = ExecutionFilter(
        keys=(label_key("default", "env", "prod"), condition_key("default", "input.id=2"))
    )
    assert await ids(store, both) == [second]
    (count,) = await count_executions(store, "default", both)
    assert count["count"] == 1
    groups = await count_executions(store, "default", groups=("workflow", "status"))
    assert {(row["status"], row["count"]) for row in groups} == {("completed", 1), ("running", 1)}


async def test_a_fork_has_its_own_input_and_version_and_counts_from_where_it_left(
    store: ReadStore,
) -> None:
    logs = Logs()
    prefix = [started({"id": 1, "same": True}), entered(), left(2), entered("Two")]
    source = logs.add(1, *prefix)
    fork = logs.add(
        2, *prefix, forked(source, 4, input={"id": 7, "same": True}, name="again"), left(4)
    )
    rehearsal = logs.add(
        3, *prefix, forked(source, 4, policy=AnswerPolicy(default="recorded")), left(4)
    )
    await project(logs, store)
    rows = {row["execution_id"]: row for row in await list_executions(store, "default")}
    assert (rows[fork]["forked_from"], rows[fork]["forked_at"]) == (source, 4)
    assert (rows[fork]["version"], rows[fork]["name"]) == ("2", "again")
    assert rows[source]["forked_from"] is None
    assert await ids(store, of("value", "input.id=1")) == [rehearsal, source]
    assert await ids(store, of("value", "input.id=7")) == [fork]
    assert await ids(store, of("value", "input.same=true")) == [rehearsal, fork, source]
    assert await ids(store, ExecutionFilter(forked_from=source)) == [rehearsal, fork]
    found = await statistics_of(store, "default", "order")
    counts = {(row["version"], row["name"]): row["count"] for row in found.states}
    assert counts == {("1", "One"): 1, ("1", "Two"): 1}, "the fork entered none, it left one"
    assert {row["version"]: row["started"] for row in found.executions} == {"1": 1, "2": 1}


async def test_an_execution_is_suspended_until_it_is_resumed_or_ends(store: ReadStore) -> None:
    logs = Logs()
    paused = (b.ExecutionSuspended(reason="paused"), {"frame": 1})
    one = logs.add(1, started(), entered(), paused)
    two = logs.add(2, started(), entered(), paused, (b.ExecutionResumed(), {"frame": 1}))
    three = logs.add(3, started(), entered(), paused, (b.ExecutionCancelled(), {"frame": 1}))
    await project(logs, store)
    assert await ids(store, ExecutionFilter(status="suspended")) == [one]
    assert await ids(store, ExecutionFilter(status="running")) == [two]
    assert await ids(store, ExecutionFilter(status="cancelled")) == [three]
    logs.add(1, (b.ExecutionResumed(), {"frame": 1}))
    logs.add(3, (b.ForkTaken(fork="ex_x", at=2), {"frame": 0}))
    await project(logs, store)
    assert await ids(store, ExecutionFilter(status="suspended")) == []
    (row,) = await list_executions(store, "default", ExecutionFilter(status="cancelled"))
    assert row["last_seq"] == 5, "a fork was taken of it after its end"


async def test_what_is_open_when_an_execution_fails_ends_with_it(store: ReadStore) -> None:
    logs = Logs()
    failed = logs.add(1, started(), entered(), scheduled(2))
    logs.add(1, (b.ActionFailed(action=3, error=Error("bad", "no"), retrying=True), {"frame": 2}))
    logs.add(1, (b.RetryScheduled(action=3, attempt=2, delay_ms=5, due=START_MS), {"frame": 2}))
    logs.add(1, (b.TimerFired(timer=5, purpose="retry"), {"frame": 2}))
    logs.add(1, scheduled(2, 2, retry_of=3))
    logs.add(1, (b.ActionFailed(action=7, error=Error("bad", "no")), {"frame": 2}))
    logs.add(1, (b.ExecutionFailed(error=Error("bad", "no")), {"frame": 1}))
    await project(logs, store)
    assert await ids(store, ExecutionFilter(error="bad")) == [failed]
    (scope,) = await list_scopes(store, failed)
    assert (scope["outcome"], scope["error_code"], scope["left_seq"]) == ("failed", "bad", 9)
    attempts = await list_attempts(store, failed)
    assert [(one["attempt"], one["first"], one["outcome"]) for one in attempts] == [
        (1, 3, "failed"),
        (2, 3, "failed"),
    ]
    found = await statistics_of(store, "default", "order")
    assert [(row["name"], row["failures"]) for row in found.states] == [("One", 1)]
    assert [(row["name"], row["retries"]) for row in found.retries] == [("One", 1)]


async def test_open_waits_are_listed_until_they_end(store: ReadStore) -> None:
    logs = Logs()
    wanted = EventFilter(ref="Go", type="go", correlation=(("no", "7"),))
    one = logs.add(
        1, started(), entered("Wait"),
        (b.EventAwaited(mode="any", filters=(wanted,)), {"frame": 2, "name": "Wait"}),
        (b.TimerSet(purpose="event_timeout", due=START_MS + 5, subject=3), {"frame": 2}),
    )  # fmt: skip
    two = logs.add(
        2, started(), entered("Nap"),
        (b.TimerSet(purpose="sleep", due=START_MS + 9), {"frame": 2, "name": "Nap"}),
        (b.TimerSet(purpose="yield", due=START_MS), {"frame": 2}),
    )  # fmt: skip
    await project(logs, store)
    rows = await list_open_waits(store, "default")
    assert [(row["execution_id"], row["kind"], row["state"], row["due"]) for row in rows] == [
        (one, "event", "Wait", START_MS + 5),
        (two, "timer", "Nap", START_MS + 9),
    ]

    async def found(**members: Any) -> list[UUID]:
        rows = await list_open_waits(store, "default", WaitFilter(**members))
        return [row["execution_id"] for row in rows]

    assert await found(type="go") == [one]
    assert await found(type="went") == []
    assert await found(kind="timer", workflow="order") == [two]
    assert await found(due_before=START_MS + 9) == [one]
    assert await found(workflow="other") == []
    rest = await list_open_waits(store, "default", after=(one, 3))
    assert [row["execution_id"] for row in rest] == [two]
    logs.add(1, (b.EventWaitClosed(wait=3, reason="timeout"), {"frame": 2}))
    logs.add(2, (b.TimerFired(timer=3, purpose="sleep"), {"frame": 2}))
    await project(logs, store)
    assert list(await list_open_waits(store, "default")) == []


async def test_a_cancelled_timer_that_was_no_wait_leaves_the_status(store: ReadStore) -> None:
    logs = Logs()
    one = logs.add(
        1, started(), entered("Wait"),
        (b.EventAwaited(mode="any", filters=()), {"frame": 2, "name": "Wait"}),
        (b.TimerSet(purpose="yield", due=START_MS), {"frame": 2}),
        (b.TimerCancelled(timer=4, reason="error"), {"frame": 2}),
    )  # fmt: skip
    two = logs.add(
        2, started(), entered("Nap"),
        (b.TimerSet(purpose="sleep", due=START_MS), {"frame": 2, "name": "Nap"}),
        (b.TimerCancelled(timer=3, reason="error"), {"frame": 2, "name": "Nap"}),
    )  # fmt: skip
    await project(logs, store)
    assert await ids(store, ExecutionFilter(status="waiting")) == [one]
    assert await ids(store, ExecutionFilter(status="running")) == [two]


def emitted(frame: int) -> Made:
    return b.EventEmitted(ref="Out", type="packed", source="shop"), {"frame": frame}


async def test_a_cloudevent_is_followed_from_its_emitter_to_its_takers(store: ReadStore) -> None:
    logs = Logs()
    emitter = logs.add(1, started(), entered(), emitted(2))
    ours = CloudEventRef(position=9, id=format_event(emitter, 3), source="shop", type="packed")
    first = logs.add(2, started(trigger=ours), entered())
    logs.add(2, (b.EventReceived(wait=0, ref="In", event=ours), {"frame": 2, "name": "One"}))
    wait = (b.EventAwaited(mode="any", filters=()), {"frame": 2, "name": "Two"})
    taken = (b.EventReceived(wait=3, ref="In", event=ours), {"frame": 2, "name": "Two"})
    second = logs.add(3, started(), entered("Two"), wait, taken)
    logs.add(4, started(), entered("Two"), wait, taken, forked(second, 4))
    forged = CloudEventRef(position=10, id=format_event(emitter, 3), source="x", type="packed")
    logs.add(5, started(trigger=forged))
    await project(logs, store)
    rows = await takers(store, "default", 9)
    assert [(row["execution_id"], row["seq"], row["role"]) for row in rows] == [
        (first, 1, "started"),
        (second, 4, "resumed"),
    ]
    found = await emission(store, "default", (emitter, 3), "shop")
    assert found is not None
    assert (found["execution_id"], found["state"]) == (emitter, "One")
    assert await emission(store, "default", (emitter, 3), "x") is None
    assert await emission(store, "elsewhere", (emitter, 3), "shop") is None
    down = await taken_from(store, "default", [emitter], 10)
    assert [row["execution_id"] for row in down] == [first, second]
    (took,) = await taken_by(store, second)
    assert (took["position"], took["emitter"], took["emitter_seq"]) == (9, emitter, 3)


async def test_a_start_that_gathers_is_a_wait_before_it_is_an_execution(store: ReadStore) -> None:
    logs = Logs()
    filters = (EventFilter(ref="A", type="a"), EventFilter(ref="B", type="b"))
    opened = b.GatheringOpened(
        workflow="order", version="1", definition_hash="h", dialect="d", ir_version=1,
        trigger="t", filters=filters,
    )  # fmt: skip
    a = CloudEventRef(position=1, id="1", source="s", type="a")
    kept = b.EventReceived(wait=1, ref="A", event=a, done=False)
    gathering = logs.add(1, (opened, {"name": "Both"}), (kept, {"name": "Both"}))
    await project(logs, store)
    (row,) = await list_open_waits(store, "default", WaitFilter(workflow="order"))
    assert (row["execution_id"], row["state"], row["status"]) == (gathering, "Both", None)
    (taker,) = await takers(store, "default", 1)
    assert (taker["role"], taker["workflow"]) == ("started", None)
    logs.add(1, (b.GatheringExpired(missing=("B",)), {}))
    await project(logs, store)
    assert list(await list_open_waits(store, "default")) == []
    assert list(await list_executions(store, "default")) == []


async def test_an_import_brings_its_beginning_along(store: ReadStore) -> None:
    logs = Logs()
    imported = b.ExecutionImported(source="ex_other", cluster="c", events=3, source_hash="00")
    logs.add(1, started(), entered(), left(2), (imported, {"frame": 0}), entered("Two"))
    await project(logs, store)
    found = await statistics_of(store, "default", "order")
    assert [row["name"] for row in found.states] == ["Two"]
    assert list(found.executions) == [], "it is none of those that were started here"


async def test_an_import_waits_for_nothing(store: ReadStore) -> None:
    logs = Logs()
    awaited = b.EventAwaited(mode="any", filters=(EventFilter(ref="Go", type="go"),))
    imported = b.ExecutionImported(source="ex_other", cluster="c", events=3, source_hash="00")
    logs.add(1, started(), entered("Wait"), (awaited, {"frame": 2, "name": "Wait"}))
    await project(logs, store)
    assert len(await list_open_waits(store, "default")) == 1
    logs.add(1, (imported, {"frame": 1}))
    await project(logs, store)
    assert list(await list_open_waits(store, "default")) == []
