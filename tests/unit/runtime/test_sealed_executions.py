"""Executions of a namespace that encrypts run as others do; nothing of theirs lies in the clear."""

import pytest
from msgspec.structs import replace

from engine.adapters.memory.storage import MemoryStorage
from engine.adapters.memory.store import MemoryStore
from engine.core import verify
from engine.core.chain import SEALED_CODEC
from engine.core.replay import fold
from engine.model.errors import Erased, Sealed
from engine.ports.codec import event_of
from engine.ports.erasures import Erasure
from engine.ports.keys import KeyWanted
from schemas.json_text import dumps
from tests.property.case import random_document
from tests.runtime_harness import NAMESPACE, QUICK, World, eventually, steps
from tests.unit.crypto.sealed_world import SWITCH, SealedStorage

CANARY = "canary-of-ann"
SUBJECT = """
id: person
version: "1.0"
specVersion: "0.8"
name: Person
metadata: {refold/dataSubject: "${ .person.id }"}
start: Ask
states:
- {name: Ask, type: inject, data: {asked: true}, end: true}
"""
WAITS = """
id: waits
version: "1.0"
specVersion: "0.8"
name: Waits
start: {stateName: Wait}
events:
- {name: ordered, type: ordered, source: tests}
states:
- name: Wait
  type: event
  onEvents: [{eventRefs: [ordered]}]
  end: true
"""


def everything(store: MemoryStore) -> bytes:
    """What the storage holds, as bytes."""
    rows = [row for rows in store.events.values() for row in rows]
    texts = [row.data for row in rows]
    texts += [row.state for row in store.snapshots.values()]
    texts += [one.state for kept in store.kept_snapshots.values() for one in kept.values()]
    texts += [row.body for row in store.inbox.values()]
    texts += [e.body + e.attributes for one in store.streams.values() for e in one.events]
    return b"".join(texts)


@pytest.fixture
async def sealed():
    world = World(SealedStorage(MemoryStorage(MemoryStore(shards=8))))
    await world.storage.switch("subject")
    yield world
    await world.close()


async def node(world, **changes):
    return await world.started_node(keys=world.storage.keychain, **changes)


async def test_nothing_lies_in_the_clear_and_all_of_it_is_read(sealed):
    row = await sealed.apply(steps("worker", 5))
    await node(sealed)
    execution = await sealed.start(row, {"secret": CANARY})
    state = await sealed.closed(execution)
    assert state.phase == "completed"
    assert state.input == {"secret": CANARY}
    rows = await sealed.rows(execution)
    assert {one.codec for one in rows} == {SEALED_CODEC}
    assert CANARY.encode() not in everything(sealed.storage.store)
    plain = await sealed.storage.plain.log.read_execution(execution)
    assert isinstance(verify.check_events(verify.ChainEnd(), plain), verify.ChainEnd)
    with pytest.raises(Sealed):
        event_of(plain[0])


async def test_executions_of_one_subject_share_a_key_and_nobody_else_does(sealed):
    row = await sealed.apply(SUBJECT)
    await node(sealed)
    people = ["ann", "ann", "ben", None, 7, {"id": "ann"}]
    runs = [await sealed.start(row, {"person": {"id": one}}) for one in people]
    for one in runs:
        await sealed.closed(one)
    keys = [(await sealed.rows(one))[0].key_id for one in runs]
    assert keys[0] == keys[1]
    assert len(set(keys)) == len(people) - 1
    store = sealed.storage.store
    kinds = [store.keys[key].kind for key in keys]
    assert kinds == ["subject", "subject", "subject", "execution", "execution", "execution"]
    assert not any("ann" in one.owner for one in store.keys.values())


async def test_what_leaves_memory_comes_back_with_its_key(sealed):
    row = await sealed.apply(WAITS)
    quick = replace(QUICK, idle_ms=20, sweep_interval_ms=20, snapshot_at_passivation=1)
    first = await node(sealed, settings=quick)
    execution = await sealed.start(row, {"secret": CANARY})
    await sealed.until(execution, lambda state: bool(state.waits))
    await eventually(lambda: sealed.storage.store.snapshots)
    await first.stop()
    await node(sealed)
    await sealed.publish("ordered", {"by": CANARY})
    await sealed.closed(execution)
    assert len({one.key_id for one in await sealed.rows(execution)}) == 1
    assert CANARY.encode() not in everything(sealed.storage.store)


async def test_who_lacks_the_master_key_leaves_sealed_executions_alone_and_does_the_others(sealed):
    row = await sealed.apply(steps("worker", 1))
    execution = await sealed.start(row, {"secret": CANARY})
    await sealed.storage.switch("off")
    other = await sealed.start(row)
    blind = SealedStorage(sealed.storage.plain, masters=None)
    quick = replace(QUICK, quarantine_ms=100)
    keyless = await sealed.started_node(storage=blind, keys=blind.keychain, settings=quick)
    assert (await sealed.closed(other)).phase == "completed"
    await eventually(lambda: keyless.counters.quarantined > 1)
    assert await sealed.rows(execution) == []
    await keyless.stop()
    await node(sealed)
    assert (await sealed.closed(execution)).phase == "completed"


async def test_a_key_that_was_claimed_is_kept_whatever_is_switched_meanwhile(sealed):
    (one,) = await sealed.storage.inbox.mint(3, 1)
    begin = sealed.storage.keychain.begin
    first = await begin([KeyWanted(one, NAMESPACE, "ann")])
    await sealed.storage.switch("off")
    assert {key.key_id for key in (await begin([KeyWanted(one, NAMESPACE)])).values()} == {
        first[one].key_id
    }
    (other,) = await sealed.storage.inbox.mint(3, 1)
    assert await begin([KeyWanted(other, NAMESPACE, "ann")]) == {}


async def test_an_erased_execution_is_told_as_erased_and_still_verifies(sealed):
    row = await sealed.apply(steps("worker", 2))
    await node(sealed)
    execution = await sealed.start(row, {"secret": CANARY})
    await sealed.closed(execution)
    key_id = (await sealed.rows(execution))[0].key_id
    erasure: Erasure = await sealed.storage.erasures.ask(key_id, False, SWITCH)
    assert await sealed.storage.erasures.finish(erasure, [execution], 0, SWITCH)
    sealed.storage.keychain.forget()
    rows = await sealed.rows(execution)
    assert all(one.erased and one.opened is None for one in rows)
    assert isinstance(verify.check_events(verify.ChainEnd(), rows), verify.ChainEnd)
    with pytest.raises(Erased):
        event_of(rows[0])


async def test_what_comes_for_an_erased_execution_stops_nobody_else(sealed):
    row = await sealed.apply(WAITS)
    first = await node(sealed)
    execution = await sealed.start(row)
    await sealed.until(execution, lambda state: bool(state.waits))
    await first.stop()
    store, key_id = sealed.storage.store, (await sealed.rows(execution))[0].key_id
    store.keys[key_id] = replace(store.keys[key_id], wrapped=None, erased_at=1)
    sealed.storage.keychain.forget()
    second = await node(sealed)
    await sealed.publish("ordered", {"by": CANARY})
    await eventually(lambda: second.counters.quarantined > 0)
    others = await sealed.apply(steps("worker", 2))
    for _ in range(16):  # in every shard
        assert (await sealed.closed(await sealed.start(others))).phase == "completed"


async def test_a_row_that_was_changed_does_not_open_and_is_named_without_a_key(sealed):
    row = await sealed.apply(steps("worker", 2))
    await node(sealed)
    execution = await sealed.start(row)
    await sealed.closed(execution)
    stored = sealed.storage.store.events[execution]
    whole = stored[2].data
    for at in range(len(whole)):
        data = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        stored[2] = replace(stored[2], data=data)
        finding = verify.check_events(verify.ChainEnd(), stored)
        assert isinstance(finding, verify.Finding)
        assert (finding.kind, finding.seq) == ("changed", 3)
    with pytest.raises(Sealed):
        event_of((await sealed.rows(execution))[2])


@pytest.mark.parametrize("seed", range(12))
async def test_the_fold_of_a_sealed_history_is_that_of_the_plain_one(seed):
    document, _ = random_document(seed)
    states = []
    for mode in ("off", "execution"):
        world = World(SealedStorage(MemoryStorage(MemoryStore(shards=4))))
        try:
            await world.storage.switch("execution")
            await world.storage.switch(mode)
            states.append(await _run(world, document))
        finally:
            await world.close()
    assert states[0] == states[1]


async def _run(world, document):
    """How far an execution comes by itself, by seq and type, with its data."""
    row = await world.apply(dumps(document).decode())
    await node(world)
    execution = await world.start(row, {"n": 1})
    await eventually(lambda: _rests(world, execution))
    rows = await world.rows(execution)
    state = fold(execution, [event_of(one) for one in rows])
    return [one.type for one in rows], state.input, state.output, state.phase


async def _rests(world, execution):
    """Closed, or waiting for something that does not come."""
    rows = await world.rows(execution)
    if not rows:
        return False
    state = fold(execution, [event_of(one) for one in rows])
    return state.closed or (not state.actions and bool(state.waits or state.timers))
