"""What is looked up when somebody asks why: bounded reads, the newest first."""

import pytest

from engine.model.ids import shard_of_namespace
from engine.ports.evidence import TypeSeen
from engine.ports.rows import Match, SubscriptionRow
from tests.conformance.storage.builders import (
    NAMESPACE,
    SHARD,
    batch,
    cloudevent,
    definition,
    start,
)

STREAM_SHARD = shard_of_namespace(NAMESPACE, 64)


async def test_a_shard_tells_its_owner_the_living_engines_and_its_inbox(storage, head):
    free = await storage.evidence.standing(SHARD + 1)
    assert (free.owner, free.expires_at, free.rows, free.oldest_at) == (None, 0, 0, None)
    assert free.engines == ()
    await storage.leases.announce("e1", 60_000)
    await storage.leases.announce("gone", 0)
    await start(storage.inbox, "a")
    await start(storage.inbox, "b")
    owned = await storage.evidence.standing(SHARD)
    assert (owned.shard, owned.owner, owned.rows) == (SHARD, "e1", 2)
    assert owned.engines == ("e1",)
    assert owned.expires_at > owned.now >= owned.oldest_at
    assert await storage.evidence.standing(4096) is None


async def test_the_inbox_is_found_by_execution(storage):
    one, _ = await start(storage.inbox, "a")
    other, _ = await start(storage.inbox, "b")
    await storage.inbox.put("cancel", one, NAMESPACE, b"{}", "tester", None)
    rows = await storage.evidence.waiting_for(one, 10)
    assert [(row.kind, row.actor) for row in rows] == [("start", "tester"), ("cancel", "tester")]
    assert await storage.evidence.waiting_for(one, 1) == rows[:1]
    assert [row.kind for row in await storage.evidence.waiting_for(other, 10)] == ["start"]


async def test_hints_and_offers_are_found_by_their_cloudevent(storage):
    owned = await storage.leases.claim("e1", STREAM_SHARD, 60_000)
    await storage.streams.ingest(NAMESPACE, [cloudevent(number) for number in (1, 2)])
    [one] = await storage.inbox.mint(SHARD, 1)
    matches = [
        Match("hint", SHARD, 1, one),
        Match("offer", SHARD + 1, 1, workflow="order", body=b"o"),
        Match("hint", SHARD, 2, one),
        Match("start", SHARD, 1, workflow="order", start_key="k", body=b"s"),
    ]
    await storage.streams.advance(STREAM_SHARD, owned.epoch, NAMESPACE, 0, 2, matches)
    found = await storage.evidence.waiting_at(NAMESPACE, 1, 10)
    assert sorted(row.kind for row in found) == ["hint", "offer"]
    assert len(await storage.evidence.waiting_at(NAMESPACE, 1, 1)) == 1
    assert await storage.evidence.waiting_at(NAMESPACE, 3, 10) == []


@pytest.mark.parametrize(
    ("types", "key", "expected"),
    [
        ([], None, [5, 4, 3, 2, 1]),
        (["a"], None, [5, 3, 1]),
        (["b", "a"], None, [5, 4, 3, 2, 1]),
        (["a"], b"k", [5, 1]),
        (["a", "b"], b"k", [5, 2, 1]),
        (["missing"], None, []),
    ],
)
async def test_a_look_back_gives_the_newest_first(storage, types, key, expected):
    k, other = (b"k",), (b"o", b"p")
    shape = [("a", k), ("b", k), ("a", other), ("b", ()), ("a", (b"k", b"o"))]
    rows = [cloudevent(n, kind=kind, keys=keys) for n, (kind, keys) in enumerate(shape)]
    await storage.streams.ingest(NAMESPACE, rows)

    async def look(after, upto, limit):
        found = await storage.evidence.latest(NAMESPACE, types, after, upto, limit, key)
        return [event.position for event in found]

    assert await look(0, 5, 200) == expected
    assert await look(1, 4, 200) == [one for one in expected if 1 < one <= 4]
    assert await look(0, 5, 2) == expected[:2]


async def test_the_types_of_a_stream_are_seen_with_their_last_position(storage):
    rows = [cloudevent(n, kind=kind) for n, kind in enumerate(("b", "a", "b", "Ä"))]
    await storage.streams.ingest(NAMESPACE, rows)
    seen = [TypeSeen("a", 2), TypeSeen("b", 3), TypeSeen("Ä", 4)]
    assert await storage.evidence.types_seen(NAMESPACE, 10) == seen
    assert await storage.evidence.types_seen(NAMESPACE, 2) == seen[:2]
    assert await storage.evidence.types_seen("another", 2) == []


async def test_a_cloudevent_is_found_by_position_and_by_name_with_its_sender(storage):
    await storage.streams.ingest(NAMESPACE, [cloudevent(7), cloudevent(8)])
    found = await storage.evidence.stored(NAMESPACE, 2)
    assert (found.event.id, found.actor) == ("8", "publisher")
    for nowhere in (0, 3, 2**53):
        assert await storage.evidence.stored(NAMESPACE, nowhere) is None
    assert await storage.evidence.stored("another", 1) is None
    assert await storage.evidence.position_of(NAMESPACE, "/tests", "8") == 2
    assert await storage.evidence.position_of(NAMESPACE, "/tests", "9") is None
    assert await storage.evidence.position_of("another", "/tests", "8") is None


async def test_triggers_are_told_that_were_active_then_or_want_the_type(storage):
    await storage.definitions.apply(definition("1"), ["paid"], "t")
    await storage.streams.ingest(NAMESPACE, [cloudevent(1)])
    await storage.definitions.apply(definition("2"), ["paid"], "t")
    await storage.definitions.apply(definition("1", workflow="ship"), ["sent"], "t")
    await storage.streams.ingest(NAMESPACE, [cloudevent(2)])

    async def told(kind, position, limit=10):
        rows = await storage.evidence.triggers(NAMESPACE, kind, position, limit)
        return [(row.workflow, row.version) for row in rows]

    assert await told("other", 1) == [("order", "1")]
    assert await told("paid", 1) == [("order", "1"), ("order", "2")]
    assert await told("paid", 2) == [("ship", "1"), ("order", "2"), ("order", "1")]
    assert await told("paid", 2, 1) == [("ship", "1")]


async def test_open_subscriptions_are_found_by_type_whatever_their_key(storage, head):
    one, two = await storage.inbox.mint(SHARD, 2)
    rows = [
        SubscriptionRow(SHARD, one, 3, "r", NAMESPACE, "paid", b"k", 0),
        SubscriptionRow(SHARD, two, 3, "r", NAMESPACE, "paid", None, 0),
        SubscriptionRow(SHARD, one, 4, "r", NAMESPACE, "sent", None, 0),
    ]
    await storage.log.append(
        batch(await storage.log.locked_head(SHARD), [], subscriptions_opened=rows)
    )
    paid = await storage.evidence.subscriptions(NAMESPACE, ["paid"], 10)
    newest_first = sorted(rows[:2], key=lambda row: row.execution_id, reverse=True)
    assert paid == newest_first
    assert await storage.evidence.subscriptions(NAMESPACE, ["paid"], 1) == newest_first[:1]
    assert await storage.evidence.subscriptions("another", ["paid"], 10) == []
    assert await storage.evidence.subscribed_types(NAMESPACE, 10) == ["paid", "sent"]
    assert await storage.evidence.subscribed_types(NAMESPACE, 1) == ["paid"]


async def test_dead_letters_are_found_by_number_and_the_newest_first(storage):
    for code in ("a", "b", "c"):
        await storage.streams.dead_letter(NAMESPACE, "nats", code, "because", b"{}", b"x")
    [newest, middle] = await storage.evidence.latest_letters(NAMESPACE, 2)
    assert (newest.code, middle.code) == ("c", "b")
    assert await storage.evidence.letter(NAMESPACE, middle.id) == middle
    assert await storage.evidence.letter(NAMESPACE, newest.id + 1) is None
    assert await storage.evidence.letter("another", middle.id) is None
