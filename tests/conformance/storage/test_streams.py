"""CloudEvents get positions without gaps, each once, and are found by type and key."""

import asyncio
import random

import pytest

from engine.ports.rows import Receipt
from tests.conformance.storage.builders import NAMESPACE, cloudevent

SEED = 20261123


async def test_a_duplicate_names_the_first_and_changes_nothing(storage):
    ingest = storage.streams.ingest
    assert await ingest(NAMESPACE, [cloudevent(1)]) == [Receipt(1, "stored")]
    assert await ingest(NAMESPACE, [cloudevent(2), cloudevent(1)]) == [
        Receipt(2, "stored"),
        Receipt(1, "duplicate"),
    ]
    assert await storage.streams.head(NAMESPACE) == 2


async def test_another_content_under_the_same_name_is_a_conflict(storage):
    await storage.streams.ingest(NAMESPACE, [cloudevent(1)])
    changed = cloudevent(1, content="changed")
    assert await storage.streams.ingest(NAMESPACE, [changed]) == [Receipt(1, "conflict")]
    [kept] = await storage.streams.read(NAMESPACE, [], 0, 9)
    assert kept.body == cloudevent(1).body


async def test_a_duplicate_and_a_conflict_are_told_inside_one_call(storage):
    rows = [cloudevent(1), cloudevent(1), cloudevent(1, content="x"), cloudevent(2)]
    assert await storage.streams.ingest(NAMESPACE, rows) == [
        Receipt(1, "stored"),
        Receipt(1, "duplicate"),
        Receipt(1, "conflict"),
        Receipt(2, "stored"),
    ]


async def test_four_writers_with_duplicates_leave_no_gap(storage):
    rng = random.Random(SEED)
    numbers = list(range(200))
    numbers += rng.sample(numbers, 20)
    rng.shuffle(numbers)

    async def write(mine: list[int]) -> list[Receipt]:
        receipts = []
        for first in range(0, len(mine), 7):
            part = [cloudevent(number) for number in mine[first : first + 7]]
            receipts += await storage.streams.ingest(NAMESPACE, part)
        return receipts

    answers = [
        one
        for part in await asyncio.gather(*(write(numbers[n::4]) for n in range(4)))
        for one in part
    ]
    stored = sorted(one.position for one in answers if one.outcome == "stored")
    assert stored == list(range(1, 201))
    assert len([one for one in answers if one.outcome == "duplicate"]) == 20
    read = await storage.streams.read(NAMESPACE, [], 0, 1_000, limit=1_000)
    assert [event.position for event in read] == stored
    assert sorted(int(event.id) for event in read) == list(range(200))
    times = [event.at for event in read]
    assert times == sorted(times)


async def test_more_rows_than_one_statement_takes_are_stored_in_order(storage):
    rows = [cloudevent(number) for number in range(1_201)]
    receipts = await storage.streams.ingest(NAMESPACE, rows)
    assert [one.position for one in receipts] == list(range(1, 1_202))


async def test_namespaces_have_streams_of_their_own(storage):
    await storage.streams.ingest("one", [cloudevent(1)])
    assert await storage.streams.ingest("two", [cloudevent(1)]) == [Receipt(1, "stored")]
    assert await storage.streams.head("three") == 0
    assert await storage.streams.head("three", settled=True) == 0
    assert await storage.streams.matched("three") == 0
    assert await storage.streams.read("three", [], 0, 9) == []


async def test_the_settled_head_is_the_last_position(storage):
    await storage.streams.ingest(NAMESPACE, [cloudevent(1), cloudevent(2)])
    assert await storage.streams.head(NAMESPACE, settled=True) == 2


@pytest.mark.parametrize(
    ("types", "key", "expected"),
    [
        ([], None, [1, 2, 3, 4, 5, 6]),
        (["a"], None, [1, 3, 5]),
        (["a", "b"], None, [1, 2, 3, 4, 5]),
        (["a"], b"k", [1, 5]),
        (["a", "b"], b"k", [1, 2, 5]),
        ([], b"k", [1, 2, 5, 6]),
        (["a"], b"missing", []),
        (["missing"], None, []),
    ],
)
async def test_a_look_finds_types_and_keys_in_order(storage, types, key, expected):
    k, other = (b"k",), (b"o", b"p")
    shape = [("a", k), ("b", k), ("a", other), ("b", ()), ("a", (b"k", b"o")), ("c", k)]
    rows = [cloudevent(n, kind=kind, keys=keys) for n, (kind, keys) in enumerate(shape)]
    await storage.streams.ingest(NAMESPACE, rows)

    async def look(after: int, upto: int, limit: int) -> list[int]:
        found = await storage.streams.read(NAMESPACE, types, after, upto, key, limit)
        return [event.position for event in found]

    assert await look(0, 6, 200) == expected
    assert await look(1, 5, 200) == [one for one in expected if 1 < one <= 5]
    assert await look(0, 6, 2) == expected[:2]


async def test_a_cloudevent_comes_back_as_it_was_stored(storage):
    row = cloudevent(7, kind="a")
    before = await storage.leases.now_ms()
    await storage.streams.ingest(NAMESPACE, [row])
    [event] = await storage.streams.read(NAMESPACE, ["a"], 0, 1)
    assert (event.position, event.id, event.source, event.type) == (1, "7", "/tests", "a")
    assert (event.attributes, event.body) == (row.attributes, row.body)
    assert event.at >= before


async def test_dead_letters_are_kept_with_their_reason(storage):
    letters = storage.streams
    for code in ("a", "b", "c"):
        await letters.dead_letter(NAMESPACE, "nats", code, f"because {code}", b"{}", b"\xff\x00")
    rows = await letters.dead_letters(NAMESPACE, 0, 10)
    assert [(row.code, row.reason, row.origin) for row in rows] == [
        (code, f"because {code}", "nats") for code in "abc"
    ]
    assert rows[0].body == b"\xff\x00"
    assert await letters.dead_letters(NAMESPACE, rows[0].id, 1) == [rows[1]]
    assert await letters.dead_letters("another", 0, 10) == []
