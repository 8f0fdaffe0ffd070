"""A fork and the note of it are accepted together, once for each key."""

import asyncio

import pytest
from msgspec.structs import replace

from engine.model.errors import Conflict
from engine.model.ids import shard_of
from engine.ports.rows import AcceptedFork, BirthRow
from tests.conformance.storage.builders import NAMESPACE, SHARD, batch, event, start

SOURCE_SHARD = SHARD + 1


async def accepted(storage, *keys, request=b"request"):
    source, _ = await start(storage.inbox, "source") if not keys else (None, None)
    (fork,) = await storage.inbox.mint(SHARD, 1)
    (other,) = await storage.inbox.mint(SOURCE_SHARD, 1)
    return AcceptedFork(
        namespace=NAMESPACE, workflow="order", keys=keys or ("auto",), fork=fork, body=b"fork",
        source=source or other, note=b"note", request_hash=request, actor="tester",
    )  # fmt: skip


async def test_a_fork_is_in_its_own_inbox_and_the_note_in_that_of_its_source(storage):
    wanted = await accepted(storage, "k")
    assert await storage.inbox.accept_fork(wanted) == (wanted.fork, False)
    [row] = await storage.inbox.read([SHARD], [], 10)
    assert (row.kind, row.execution_id, row.body) == ("fork", wanted.fork, b"fork")
    assert (row.namespace, row.position, row.actor) == (NAMESPACE, 0, "tester")
    [note] = await storage.inbox.read([shard_of(wanted.source)], [], 10)
    assert (note.kind, note.execution_id, note.body) == ("forked", wanted.source, b"note")
    assert note.id > row.id or note.shard != row.shard


async def test_the_same_key_gives_the_fork_of_then_and_puts_nothing(storage):
    first, second = await accepted(storage, "k"), await accepted(storage, "k")
    await storage.inbox.accept_fork(first)
    assert await storage.inbox.accept_fork(second) == (first.fork, True)
    shards = [SHARD, shard_of(first.source), shard_of(second.source)]
    assert len(await storage.inbox.read(shards, [], 10)) == 2


async def test_a_new_key_beside_a_known_one_names_the_same_fork(storage):
    first, second = await accepted(storage, "k"), await accepted(storage, "k", "name")
    await storage.inbox.accept_fork(first)
    assert await storage.inbox.accept_fork(second) == (first.fork, True)
    assert await storage.catalog.find_by_key(NAMESPACE, "order", "name") == first.fork


async def test_a_key_with_another_request_is_a_conflict_and_puts_nothing(storage):
    await storage.inbox.accept_fork(await accepted(storage, "k"))
    other = await accepted(storage, "k", "free", request=b"another")
    with pytest.raises(Conflict, match="k"):
        await storage.inbox.accept_fork(other)
    assert await storage.catalog.find_by_key(NAMESPACE, "order", "free") is None
    assert await storage.inbox.read([shard_of(other.fork)], [], 10) != []
    assert not await storage.inbox.is_accepted(NAMESPACE, other.fork)


async def test_many_calls_with_one_key_fork_once(storage):
    wanted = [await accepted(storage, "k", "name") for _ in range(20)]
    answers = await asyncio.gather(*(storage.inbox.accept_fork(one) for one in wanted))
    assert len({one for one, _ in answers}) == 1
    assert [existed for _, existed in answers].count(False) == 1


async def test_an_accepted_fork_is_known_before_it_has_begun(storage):
    wanted = await accepted(storage, "k")
    assert not await storage.inbox.is_accepted(NAMESPACE, wanted.fork)
    await storage.inbox.accept_fork(wanted)
    assert await storage.inbox.is_accepted(NAMESPACE, wanted.fork)
    assert not await storage.inbox.is_accepted("other", wanted.fork)


async def test_of_forks_it_is_known_up_to_where_they_are_copies(storage):
    fork, plain, unknown = await storage.inbox.mint(SHARD, 3)
    head = await storage.leases.claim("one", SHARD, 60_000)
    append = batch(head, [event(fork, 1, position=1), event(plain, 1, position=2)])
    birth = BirthRow(SHARD, fork, NAMESPACE, "order", "1", "hash", "cncf-0.8", 1, None)
    append.births.extend(
        [replace(birth, forked_from=plain, forked_at=7), replace(birth, execution_id=plain)]
    )
    await storage.log.append(append)
    assert await storage.log.forked_at([fork, plain, unknown]) == {fork: 7}
    assert await storage.log.forked_at([]) == {}
