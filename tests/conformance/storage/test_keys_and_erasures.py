"""Keys are found or made once; an erasure is asked for, carried on, and done whole or not."""

import asyncio

import pytest

from engine.model.errors import NotFound
from engine.ports.audit import Deed
from engine.ports.erasures import ERASED_TYPE
from engine.ports.keys import KeyClaim
from engine.ports.rows import SnapshotRow
from schemas.events.parts import Asked
from schemas.json_text import loads
from tests.conformance.storage.builders import NAMESPACE, SHARD, cloudevent


def deed(action, **rest):
    return Deed(NAMESPACE, "key:ann", action, "t", Asked("10.0.0.1", "ticket 7"), **rest)


def claim(execution_id, number, owner="", kind="subject", source=None):
    return KeyClaim(
        execution_id, NAMESPACE, kind, owner, f"k{number}", b"wrapped %d" % number, source
    )


async def claimed(storage, *claims):
    found = await storage.keys.claim(claims)
    return [found[one.execution_id].key_id for one in claims if one.execution_id in found]


async def test_a_namespace_is_switched_once_and_keeps_its_key(storage):
    switch = storage.keys.set_encryption
    assert await storage.keys.encryption([NAMESPACE]) == {}
    assert not await switch(NAMESPACE, "off", "n0", b"w0", deed("encryption.set"))
    assert await storage.keys.settings() == []
    assert await switch(NAMESPACE, "subject", "n1", b"w1", deed("encryption.set"))
    assert not await switch(NAMESPACE, "subject", "n2", b"w2", deed("encryption.set"))
    assert await storage.keys.encryption(["other", NAMESPACE]) == {NAMESPACE: "subject"}
    assert await switch(NAMESPACE, "off", "n3", b"w3", deed("encryption.set"))
    assert await storage.keys.encryption(["other", NAMESPACE]) == {NAMESPACE: "off"}
    assert await switch(NAMESPACE, "execution", "n4", b"w4", deed("encryption.set"))
    [own] = await storage.keys.of_owner(NAMESPACE, "namespace", "")
    assert (own.key_id, own.wrapped) == ("n1", b"w1")
    [setting] = await storage.keys.settings()
    assert (setting.namespace, setting.encryption) == (NAMESPACE, "execution")
    assert len(await storage.audit.read(NAMESPACE, 0, 99)) == 3


async def test_an_owner_has_one_key_and_an_execution_keeps_the_one_it_got(storage):
    one, two, three = await storage.inbox.mint(SHARD, 3)
    assert await claimed(storage, claim(one, 1, "ann")) == ["k1"]
    assert await claimed(storage, claim(two, 2, "ann"), claim(one, 5, "ann")) == ["k1", "k1"]
    assert await claimed(storage, claim(three, 3, "ben")) == ["k3"]
    assert await claimed(storage, claim(one, 4, "ben")) == ["k1"]
    assert await storage.keys.of_executions([one, three]) == {one: "k1", three: "k3"}
    assert await storage.keys.uses("k1") == sorted([one, two])
    assert await storage.keys.uses("k1", after=min(one, two)) == [max(one, two)]


async def test_a_fork_has_the_key_of_its_source_or_none(storage):
    one, fork, plain, other = await storage.inbox.mint(SHARD, 4)
    await claimed(storage, claim(one, 1, one.hex, "execution"))
    assert await claimed(storage, claim(fork, 2, fork.hex, "execution", source=one)) == ["k1"]
    assert await claimed(storage, claim(plain, 3, plain.hex, "execution", source=other)) == []


async def test_many_who_claim_the_same_owner_at_once_get_one_key(open_engine):
    engines = [await open_engine(f"e{number}") for number in range(4)]
    ids = await engines[0].inbox.mint(SHARD, 8)
    found = await asyncio.gather(
        *(
            claimed(engines[n % 4], claim(one, n, "ann"), claim(one, 100 + n, "ben"))
            for n, one in enumerate(ids)
        )
    )
    assert len({key for keys in found for key in keys}) == 1


async def test_a_wrapped_form_is_replaced_unless_it_changed_meanwhile(storage):
    [one] = await storage.inbox.mint(SHARD, 1)
    await claimed(storage, claim(one, 1, "ann"))
    assert not await storage.keys.rewrap("k1", b"other", b"new")
    assert await storage.keys.rewrap("k1", b"wrapped 1", b"new")
    assert [row.wrapped for row in await storage.keys.page("", 9)] == [b"new"]
    assert await storage.keys.page("k1", 9) == []


async def erasable(storage):
    """An execution of a subject with a snapshot and something in its inbox."""
    [one] = await storage.inbox.mint(SHARD, 1)
    await claimed(storage, claim(one, 1, "ann"))
    await storage.log.save_snapshots([SnapshotRow(SHARD, one, 3, 1, b"{}")])
    await storage.log.keep_snapshots([SnapshotRow(SHARD, one, 2, 1, b"{}")])
    await storage.inbox.put("callback", one, NAMESPACE, b"{}", "tester", None)
    return one


async def test_an_erasure_deletes_the_key_with_what_can_be_made_again(storage):
    one = await erasable(storage)
    erasure = await storage.erasures.ask("k1", True, deed("data.erasure_asked"))
    assert await storage.erasures.snapshots([one]) == 2
    assert (erasure.target, erasure.reason, erasure.done_at) == ("t", "ticket 7", None)
    assert await storage.erasures.under_way(9) == [erasure]
    assert await storage.erasures.finish(erasure, [one], 2, deed("data.erased"))
    [row] = await storage.keys.find(["k1"])
    assert row.wrapped is None
    assert row.erased_at is not None
    assert await storage.log.load_snapshots([(SHARD, one)]) == []
    assert await storage.erasures.snapshots([one]) == 0
    assert await storage.inbox.read([SHARD], [], 9) == []
    done = await storage.erasures.get(NAMESPACE, erasure.id)
    assert (done.executions, done.cloudevents) == (1, 2)
    assert await storage.erasures.under_way(9) == []
    actions = [entry.action for entry in await storage.audit.read(NAMESPACE, 0, 99)]
    assert actions == ["data.erasure_asked", "data.erased"]


async def test_an_erasure_asked_for_twice_or_finished_twice_is_one(storage):
    one = await erasable(storage)
    first = await storage.erasures.ask("k1", False, deed("data.erasure_asked"))
    assert await storage.erasures.ask("k1", False, deed("data.erasure_asked")) == first
    for _ in range(2):
        assert await storage.erasures.finish(first, [one], 0, deed("data.erased"))
    again = await storage.erasures.ask("k1", False, deed("data.erasure_asked"))
    assert again.id == first.id
    assert len(await storage.audit.read(NAMESPACE, 0, 99)) == 2
    assert await storage.erasures.latest(NAMESPACE, None, 9) == [again]
    assert await storage.erasures.latest(NAMESPACE, first.id, 9) == []
    assert await storage.erasures.get("other", first.id) is None


async def test_an_execution_that_came_meanwhile_is_not_left_behind(storage):
    one = await erasable(storage)
    [late] = await storage.inbox.mint(SHARD, 1)
    erasure = await storage.erasures.ask("k1", False, deed("data.erasure_asked"))
    await claimed(storage, claim(late, 2, "ann"))
    assert not await storage.erasures.finish(erasure, [one], 0, deed("data.erased"))
    assert (await storage.keys.find(["k1"]))[0].wrapped is not None
    assert await storage.erasures.finish(erasure, [one, late], 0, deed("data.erased"))


async def test_after_an_erasure_the_same_subject_gets_another_key(storage):
    one = await erasable(storage)
    erasure = await storage.erasures.ask("k1", False, deed("data.erasure_asked"))
    await storage.erasures.finish(erasure, [one], 0, deed("data.erased"))
    [new] = await storage.inbox.mint(SHARD, 1)
    assert await claimed(storage, claim(new, 7, "ann")) == ["k7"]
    assert [row.key_id for row in await storage.keys.of_owner(NAMESPACE, "subject", "ann")] == [
        "k7",
        "k1",
    ]


async def test_no_erasure_of_an_unknown_key_or_of_a_namespaces_own(storage):
    await storage.keys.set_encryption(NAMESPACE, "execution", "n1", b"w", deed("encryption.set"))
    for key in ("n1", "nobody"):
        with pytest.raises(NotFound):
            await storage.erasures.ask(key, False, deed("data.erasure_asked"))


async def test_of_an_erased_cloudevent_id_and_source_are_left(storage):
    rows = [cloudevent(number, keys=(b"key %d" % number, b"shared")) for number in (1, 2, 3)]
    await storage.streams.ingest(NAMESPACE, rows)
    keys = [b"key 1", b"key 2", b"shared"]
    assert await storage.erasures.erase_cloudevents(NAMESPACE, [1, 2], keys) == 2
    assert await storage.erasures.erase_cloudevents(NAMESPACE, [1, 2], keys) == 0
    assert await storage.erasures.erase_cloudevents("other", [1], []) == 0
    first, second, third = await storage.streams.read(NAMESPACE, (), 0, 9)
    assert (first.type, first.id, first.source) == (ERASED_TYPE, rows[0].id, rows[0].source)
    left = {"specversion": "1.0", "id": rows[1].id, "source": rows[1].source, "type": ERASED_TYPE}
    assert loads(second.body) == loads(second.attributes) == left
    assert third.body == rows[2].body
    for key in rows[0].keys:
        found = await storage.streams.read(NAMESPACE, (), 0, 9, key=key)
        assert [one.position for one in found if one.position < 3] == []
    again = [rows[0], cloudevent(2, content="other"), cloudevent(3, content="other")]
    outcomes = [one.outcome for one in await storage.streams.ingest(NAMESPACE, again)]
    assert outcomes == ["duplicate", "duplicate", "conflict"]
