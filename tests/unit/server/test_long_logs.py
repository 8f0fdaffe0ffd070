"""What the API reads of a long log: its end where that is enough, a snapshot and what follows."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import MISSING, fields
from typing import Any

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer
from msgspec.structs import replace

from engine.adapters.crypto.keychain import KeyChain
from engine.adapters.memory.log import MemoryLog
from engine.adapters.memory.storage import MemoryStorage
from engine.adapters.memory.store import MemoryStore
from engine.core.replay import fold
from engine.model.ids import callback_token, format_execution
from engine.model.state import TERMINAL
from engine.ports.codec import event_of
from engine.ports.snapshots import snapshot_of
from server.api.application import make_application
from server.api.door import pace
from server.api.door.exchange import ApiLimits, Services
from server.api.live import waiting
from server.api.past import reading
from server.api.proof import verifying
from tests.runtime_harness import World, eventually, steps

NAP = """
id: nap
version: "1"
specVersion: "0.8"
start: Nap
states:
- {name: Nap, type: sleep, duration: PT1H, end: true}
"""
CALLBACK = """
id: asks
version: "1"
specVersion: "0.8"
start: Ask
functions: [{name: work, type: custom, operation: "python:tests:work"}]
events: [{name: answered, type: answered, source: tests}]
states:
- name: Ask
  type: callback
  action: {functionRef: {refName: work}}
  eventRef: answered
  end: true
"""


class ReadLog(MemoryLog):
    """Remembers how many events were read, and how often the last one was looked at."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.read = self.looks = 0

    async def read_execution(self, *given: Any, **named: Any) -> list[Any]:
        rows = await super().read_execution(*given, **named)
        self.read += len(rows)
        return rows

    async def last_event(self, execution_id: Any) -> Any:
        self.looks += 1
        return await super().last_event(execution_id)


class Api:
    """The API over a world in memory."""

    def __init__(self) -> None:
        self.storage = MemoryStorage(MemoryStore(shards=4))
        self.world = World(self.storage)
        self.log = ReadLog(self.storage.store)
        given = {
            one.name: getattr(self.storage, one.name, None)
            for one in fields(Services)
            if one.default is MISSING and one.default_factory is MISSING
        }
        given.update(
            log=self.log, hints=self.world.hints, key_office=KeyChain(self.storage.keys, None)
        )
        services = Services(**given, limits=ApiLimits(max_streams=2))
        self.client = TestClient(TestServer(make_application(services)))

    async def ask(
        self, method: str, path: str, namespace: str = "default", **headers: str
    ) -> tuple[int, Any]:
        self.log.read = self.log.looks = 0
        path = f"/v1/namespaces/{namespace}{path}"
        async with self.client.request(method, path, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def ended(self, count: int = 10) -> tuple[str, Any]:
        """Path and rows of an execution of so many states that has ended."""
        row = await self.world.apply(steps("long", count))
        execution = await self.world.start(row)
        await self.world.closed(execution)
        return f"/executions/{format_execution(execution)}", await self.world.rows(execution)

    async def keep_snapshot(self, rows: Any, seq: int, **changes: Any) -> None:
        """A snapshot at this event, as an engine makes one."""
        state = fold(rows[0].execution_id, map(event_of, rows[:seq]))
        kept = replace(snapshot_of(rows[0].shard, state), **changes)
        self.storage.store.snapshots[kept.shard, kept.execution_id] = kept


@pytest_asyncio.fixture
async def api() -> AsyncIterator[Api]:
    given = Api()
    await given.world.started_node()
    async with given.client:
        yield given
    await given.world.close()


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAGE", 4)
    monkeypatch.setattr(verifying, "PAGE", 4)


def test_every_phase_that_ends_an_execution_has_its_event_type():
    assert set(reading.TERMINAL_TYPES.values()) == TERMINAL


async def test_a_cancel_looks_at_the_last_event_alone(api):
    execution = await api.world.start(await api.world.apply(NAP))
    await api.world.until(execution, lambda state: state.timers)
    path = f"/executions/{format_execution(execution)}/cancel"
    status, _ = await api.ask("POST", path)
    assert (status, api.log.read, api.log.looks) == (202, 0, 1)
    assert (await api.world.closed(execution)).phase == "cancelled"
    status, problem = await api.ask("POST", path)
    assert (status, problem["code"], api.log.read) == (409, "execution.closed", 0)
    assert problem["detail"].endswith("is cancelled")


async def test_a_cancel_of_another_namespaces_execution_finds_nothing(api):
    path, _ = await api.ended(1)
    status, problem = await api.ask("POST", f"{path}/cancel", namespace="another")
    assert (status, problem["code"]) == (404, "not_found")


async def test_a_callback_is_taken_while_its_state_waits_and_refused_afterwards(api):
    execution = await api.world.start(await api.world.apply(CALLBACK))
    state = await api.world.until(execution, lambda state: state.waits)
    [wait] = state.waits.values()
    secret = api.storage.installation.callback_secret
    strange = callback_token(secret, execution, 999)
    status, problem = await api.ask("POST", f"/callbacks/{strange}")
    assert (status, problem["code"]) == (409, "callback.not_open")
    token = callback_token(secret, execution, wait.frame)
    assert (await api.ask("POST", f"/callbacks/{token}"))[0] == 202
    await api.world.closed(execution)
    status, problem = await api.ask("POST", f"/callbacks/{token}")
    assert (status, problem["code"], api.log.read) == (409, "execution.closed", 0)


async def test_a_state_is_folded_from_the_snapshot_before_it(api):
    path, rows = await api.ended()
    _, whole = await api.ask("GET", path)
    assert api.log.read == len(rows)
    past = {seq: (await api.ask("GET", f"{path}/state?at={seq}"))[1] for seq in range(1, len(rows))}
    await api.keep_snapshot(rows, 20)
    assert (await api.ask("GET", path))[1] == whole
    assert api.log.read == 1 + len(rows) - 20
    for seq, state in past.items():
        assert (await api.ask("GET", f"{path}/state?at={seq}"))[1] == state
        named = 1  # the event that was asked for: without it there is nothing to fold to
        assert api.log.read <= named + (seq if seq < 20 else 1 + seq - 20)


async def test_a_state_at_a_time_is_folded_from_a_snapshot_that_is_not_later(api):
    path, rows = await api.ended()
    _, whole = await api.ask("GET", f"{path}/state")
    await api.keep_snapshot(rows, 20)
    assert (await api.ask("GET", f"{path}/state?at=2999-01-01T00:00:00Z"))[1] == whole
    assert api.log.read == 2 + len(rows) - 20
    _, early = await api.ask("GET", f"{path}/state?at=2000-01-01T00:00:00Z")
    assert early["seq"] == 0


@pytest.mark.parametrize(
    "changes", [{"evolve_version": -1}, {"state": b"no state"}], ids=["version", "bytes"]
)
async def test_a_snapshot_that_cannot_be_read_is_no_obstacle(api, changes):
    path, rows = await api.ended()
    _, whole = await api.ask("GET", path)
    await api.keep_snapshot(rows, 20, **changes)
    assert (await api.ask("GET", path))[1] == whole


async def test_a_snapshot_of_events_that_the_log_has_lost_is_not_believed(api):
    path, rows = await api.ended()
    await api.keep_snapshot(rows, len(rows))
    del api.storage.store.events[rows[0].execution_id][20:]
    assert (await api.ask("GET", path))[1]["last_seq"] == 20


async def test_a_snapshot_shows_nothing_to_another_namespace(api):
    path, rows = await api.ended()
    await api.keep_snapshot(rows, len(rows))
    assert (await api.ask("GET", path, namespace="another"))[0] == 404


async def test_replay_and_verify_read_every_event_whatever_the_snapshot(api):
    path, rows = await api.ended()
    await api.keep_snapshot(rows, len(rows))
    _, replayed = await api.ask("GET", f"{path}/replay")
    assert (replayed["equal"], replayed["live_from_seq"]) == (True, len(rows))
    assert [step["seq"] for step in replayed["steps"]] == [row.seq for row in rows]
    assert api.log.read >= len(rows)
    _, found = await api.ask("GET", f"{path}/verify")
    assert (found["intact"], found["events"], found["head"]["seq"]) == (True, len(rows), len(rows))


async def test_replay_tells_a_snapshot_that_is_not_the_fold(api):
    path, rows = await api.ended()
    state = fold(rows[0].execution_id, map(event_of, rows))
    wrong = snapshot_of(rows[0].shard, replace(state, output={"forged": True}))
    api.storage.store.snapshots[wrong.shard, wrong.execution_id] = wrong
    assert (await api.ask("GET", f"{path}/replay"))[1]["equal"] is False


async def test_events_swapped_across_pages_are_named_reordered(api):
    path, _ = await api.ended()
    execution = next(iter(api.storage.store.events))
    kept = api.storage.store.events[execution]
    kept[3], kept[4] = replace(kept[4], seq=4), replace(kept[3], seq=5)
    _, found = await api.ask("GET", f"{path}/verify")
    assert (found["fault"]["kind"], found["fault"]["seq"]) == ("reordered", 4)
    assert found["events"] == len(kept)


async def test_waiting_reads_each_event_once(api, monkeypatch):
    monkeypatch.setattr(waiting, "LOOK_AGAIN_S", 0.02)
    execution = await api.world.start(await api.world.apply(NAP))
    state = await api.world.until(execution, lambda state: state.timers)
    path = f"/executions/{format_execution(execution)}"
    status, found = await api.ask("GET", path, Prefer="wait=1")
    assert (status, found["status"]) == (200, "waiting")
    assert api.log.read == state.seq


@pytest.mark.parametrize("path", ["", "/events", "/verify", "/replay"])
async def test_others_have_their_turns_while_a_log_is_folded(api, monkeypatch, path):
    execution, rows = await api.ended(40)
    monkeypatch.setattr(pace, "SLICE_S", 0.0)
    monkeypatch.setattr(reading, "PAGE", 10_000)
    monkeypatch.setattr(verifying, "_EVENTS", 1)
    turns = 0

    async def neighbour() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(neighbour())
    await api.ask("GET", execution + path)
    task.cancel()
    assert turns > len(rows)


async def test_one_stream_too_many_is_told_when_to_come_again(api):
    execution = await api.world.start(await api.world.apply(NAP))
    path = f"/v1/namespaces/default/executions/{format_execution(execution)}/events"
    live = {"Accept": "text/event-stream"}
    first = await api.client.get(path, headers=live)
    second = await api.client.get(path, headers=live)
    third = await api.client.get(path, headers=live)
    assert (first.status, second.status, third.status) == (200, 200, 503)
    assert (await third.json())["code"] == "streams.too_many"
    assert int(third.headers["Retry-After"]) > 0
    first.close()

    async def has_place() -> bool:
        async with api.client.get(path, headers=live) as again:
            return again.status == 200

    await eventually(has_place)
    second.close()
