"""An erasure that is broken off anywhere is carried on, and leaves nobody behind."""

from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from engine.adapters.memory.storage import MemoryStorage
from engine.adapters.memory.store import MemoryStore
from engine.model.errors import Unavailable
from engine.ports.audit import Deed
from engine.ports.erasures import ERASED_TYPE
from engine.ports.keys import KeyWanted
from server.api.erasures.erasing import Erasing, extent_of
from tests.runtime_harness import NAMESPACE, World
from tests.unit.crypto.sealed_world import SealedStorage

PERSON = """
id: person
version: "1.0"
specVersion: "0.8"
name: Person
metadata: {refold/dataSubject: .person}
start: Begin
events:
- {name: answered, type: answered, source: tests}
states:
- {name: Begin, type: inject, data: {begun: true}, transition: Wait}
- {name: Wait, type: event, onEvents: [{eventRefs: [answered]}], end: true}
"""


class Desk:
    """What an erasure asks of the API's services."""

    def __init__(self, world: World) -> None:
        storage: Any = world.storage
        self.log, self.inbox, self.streams = storage.log, storage.inbox, storage.streams
        self.keys, self.key_office, self.hints = storage.keys, storage.keychain, world.hints
        self.erasures = Failing(storage.erasures)


class Failing:
    """Erasures of which a method fails as often as `fails` says, before it works."""

    def __init__(self, erasures: Any) -> None:
        self._erasures = erasures
        self.fails: dict[str, int] = {}

    def __getattr__(self, name: str) -> Any:
        async def call(*given: Any) -> Any:
            if self.fails.get(name, 0) > 0:
                self.fails[name] -= 1
                raise Unavailable("the database is away")
            return await getattr(self._erasures, name)(*given)

        return call


@pytest.fixture
async def world():
    given = World(SealedStorage(MemoryStorage(MemoryStore(shards=8))))
    await given.storage.switch("subject")
    yield given
    await given.close()


async def started(world, person="ann"):
    """An execution that waits, and its key."""
    row = await world.apply(PERSON)
    execution = await world.start(row, {"person": person})
    await world.until(execution, lambda state: bool(state.waits))
    return execution, (await world.rows(execution))[0].key_id


async def asked(desk, key_id, cancel=False):
    deed = Deed(NAMESPACE, "key:ann", "data.erasure_asked", key_id)
    return await desk.erasures.ask(key_id, cancel, deed)


async def test_it_is_carried_on_wherever_it_was_broken_off(world):
    await world.started_node(keys=world.storage.keychain)
    execution, key_id = await started(world)
    receipt = await world.publish("answered", {"said": "yes"}, who="ann")
    await world.closed(execution)
    desk = Desk(world)
    erasing = Erasing(desk)
    erasure = await asked(desk, key_id)
    desk.erasures.fails = {"erase_cloudevents": 1, "finish": 1}
    for _ in range(2):
        with pytest.raises(Unavailable):
            await erasing.carry_on(erasure)
        assert (await world.state(execution)).input == {"person": "ann"}
    assert await erasing.carry_on(erasure)
    assert all(row.erased for row in await world.rows(execution))
    (left,) = await world.storage.streams.read(NAMESPACE, (), receipt.position - 1, 99)
    assert (left.type, b"yes" in left.body) == (ERASED_TYPE, False)
    done = await desk.erasures.get(NAMESPACE, erasure.id)
    assert (done.executions, done.cloudevents) == (1, 1)
    assert await erasing.carry_on(done)


async def test_what_runs_is_waited_for_or_cancelled_once(world):
    await world.started_node(keys=world.storage.keychain)
    execution, key_id = await started(world)
    desk = Desk(world)
    erasing = Erasing(desk)
    patient = await asked(desk, key_id)
    assert not await erasing.carry_on(patient)
    assert (await world.state(execution)).phase == "running"
    impatient = type(patient)(**{**_members(patient), "cancel": True})
    assert not await erasing.carry_on(impatient)
    await world.closed(execution)
    assert await erasing.carry_on(impatient)
    types = await world.types(execution)
    assert types.count("ExecutionCancelled") == 1


class Damaged:
    """A log of which one event does not open any more."""

    def __init__(self, log: Any, execution: UUID, seq: int) -> None:
        self._log, self._damaged = log, (execution, seq)

    async def read_execution(self, *given: Any) -> Any:
        rows = await self._log.read_execution(*given)
        return [
            replace(row, opened=None) if (row.execution_id, row.seq) == self._damaged else row
            for row in rows
        ]


async def test_one_that_no_engine_can_read_holds_up_no_erasure(world):
    node = await world.started_node(keys=world.storage.keychain)
    sound, key_id = await started(world)
    await world.publish("answered")
    await world.closed(sound)
    damaged, _ = await started(world)
    await node.abort()
    desk = Desk(world)
    desk.log = Damaged(desk.log, damaged, seq=2)
    erasing = Erasing(desk, patience_s=0)
    assert not await erasing.carry_on(await asked(desk, key_id)), "nobody said that it may end"
    erasure = await asked(desk, key_id, cancel=True)
    erasure = type(erasure)(**{**_members(erasure), "cancel": True})
    assert not await Erasing(desk).carry_on(erasure), "an engine may have it in memory"
    assert not await erasing.carry_on(erasure)
    assert await erasing.carry_on(erasure)
    for one in (damaged, sound):
        assert all(row.erased for row in await world.rows(one))


def _members(struct):
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


async def test_an_execution_that_was_claimed_and_never_began_is_no_obstacle(world):
    await world.started_node(keys=world.storage.keychain)
    execution, key_id = await started(world)
    (never,) = await world.storage.inbox.mint(3, 1)
    await world.storage.keychain.begin([KeyWanted(never, NAMESPACE, "ann")])
    await world.publish("answered")
    await world.closed(execution)
    desk = Desk(world)
    extent = await extent_of(desk, NAMESPACE, key_id)
    assert (set(extent.executions), extent.running) == ({execution, never}, [])
    assert await Erasing(desk).carry_on(await asked(desk, key_id))


async def test_one_that_begins_meanwhile_is_not_left_behind(world):
    await world.started_node(keys=world.storage.keychain)
    execution, key_id = await started(world)
    await world.publish("answered")
    await world.closed(execution)
    desk = Desk(world)
    erasing, erasure = Erasing(desk), await asked(desk, key_id)
    finish = desk.erasures._erasures.finish

    async def late(*given):
        if len(world.storage.store.key_uses) == 1:
            await started(world)
        return await finish(*given)

    desk.erasures.finish = late
    assert not await erasing.carry_on(erasure)
    assert not await erasing.carry_on(erasure)  # the new one runs
    await world.publish("answered")
    for one in world.storage.store.key_uses:
        await world.closed(one)
    assert await erasing.carry_on(erasure)
    assert len(world.storage.store.key_uses) == 2
