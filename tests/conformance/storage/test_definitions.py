"""Versions never change; activating one has a place in the order of the stream."""

import asyncio

import pytest

from engine.model.errors import Conflict, NotFound
from engine.model.ids import shard_of_namespace
from tests.conformance.storage.builders import NAMESPACE, cloudevent, definition

STREAM_SHARD = shard_of_namespace(NAMESPACE, 64)


async def test_a_version_comes_back_with_its_resources(storage):
    row = definition("1", spec=b"\x00openapi", other=b"x")
    assert await storage.definitions.apply(row, [], None)
    got = await storage.definitions.get(NAMESPACE, "order", "1")
    assert (got.source, got.resources) == (b"source", {"spec": b"\x00openapi", "other": b"x"})
    assert got.active
    assert got.created_at > 0
    assert await storage.definitions.get(NAMESPACE, "order", None) == got
    assert await storage.definitions.by_hash(NAMESPACE, row.definition_hash) == got


async def test_the_very_same_version_again_changes_nothing(storage):
    await storage.definitions.apply(definition("1", spec=b"a"), ["t"], "trigger")
    assert not await storage.definitions.apply(definition("1", spec=b"a"), ["t"], "trigger")
    assert len(await storage.streams.triggers(NAMESPACE)) == 1


@pytest.mark.parametrize(
    "changed",
    [
        definition("1", content=b"changed", spec=b"a"),
        definition("1", spec=b"b"),
        definition("1"),
        definition("1", spec=b"a", more=b"a"),
    ],
    ids=["source", "resource", "resource-gone", "resource-added"],
)
async def test_a_version_with_other_content_is_a_conflict(storage, changed):
    original = definition("1", spec=b"a")
    await storage.definitions.apply(original, [], None)
    with pytest.raises(Conflict, match="1"):
        await storage.definitions.apply(changed, [], None)
    assert (await storage.definitions.get(NAMESPACE, "order", "1")).source == original.source


async def test_the_last_version_applied_is_active_and_may_be_an_old_one(storage):
    for version in ("1", "2"):
        await storage.definitions.apply(definition(version), [], None)
    assert (await storage.definitions.get(NAMESPACE, "order", None)).version == "2"
    assert not (await storage.definitions.get(NAMESPACE, "order", "1")).active
    assert await storage.definitions.apply(definition("1"), [], None)
    assert (await storage.definitions.get(NAMESPACE, "order", None)).version == "1"


async def test_activation_closes_and_opens_at_the_same_position(storage):
    await storage.streams.ingest(NAMESPACE, [cloudevent(1)])
    await storage.definitions.apply(definition("1"), ["a", "b"], "t1")
    await storage.streams.ingest(NAMESPACE, [cloudevent(2), cloudevent(3)])
    await storage.definitions.apply(definition("2"), ["a"], "t2")
    first, second = await storage.streams.triggers(NAMESPACE)
    assert (first.trigger, first.version, first.types) == ("t1", "1", ("a", "b"))
    assert (first.from_position, first.to_position) == (1, 3)
    assert (second.trigger, second.from_position, second.to_position) == ("t2", 3, None)
    assert second.definition_hash == definition("2").definition_hash


async def test_a_trigger_is_forgotten_when_its_range_is_matched(storage):
    epoch = (await storage.leases.claim("e1", STREAM_SHARD, 60_000)).epoch
    await storage.definitions.apply(definition("1"), ["a"], "t1")
    await storage.streams.ingest(NAMESPACE, [cloudevent(1), cloudevent(2)])
    await storage.definitions.apply(definition("2"), ["a"], "t2")

    async def left() -> list[str]:
        return [row.trigger for row in await storage.streams.triggers(NAMESPACE)]

    await storage.streams.advance(STREAM_SHARD, epoch, NAMESPACE, 0, 1, [])
    assert await left() == ["t1", "t2"]
    await storage.streams.advance(STREAM_SHARD, epoch, NAMESPACE, 1, 2, [])
    assert await left() == ["t2"]


async def test_a_trigger_that_no_cloudevent_can_meet_is_not_listed(storage):
    for version in ("1", "2"):
        await storage.definitions.apply(definition(version), ["a"], f"t{version}")
    assert [row.trigger for row in await storage.streams.triggers(NAMESPACE)] == ["t2"]


async def test_a_version_without_trigger_ends_that_of_the_one_before(storage):
    await storage.definitions.apply(definition("1"), ["a"], "t1")
    await storage.streams.ingest(NAMESPACE, [cloudevent(1)])
    await storage.definitions.apply(definition("2"), [], None)
    [trigger] = await storage.streams.triggers(NAMESPACE)
    assert (trigger.trigger, trigger.to_position) == ("t1", 1)


async def test_activation_among_concurrent_cloudevents_leaves_no_position_out(storage):
    await storage.definitions.apply(definition("1"), ["a"], "t1")

    async def publish(numbers: range) -> None:
        for number in numbers:
            await storage.streams.ingest(NAMESPACE, [cloudevent(number)])

    async def activate() -> None:
        for version in ("2", "3", "4"):
            await storage.definitions.apply(definition(version), ["a"], f"t{version}")

    await asyncio.gather(publish(range(20)), activate(), publish(range(20, 40)))
    rows = await storage.streams.triggers(NAMESPACE)
    covered = [
        position
        for row in rows
        for position in range(row.from_position + 1, (row.to_position or 40) + 1)
    ]
    assert covered == list(range(1, 41))


async def test_versions_are_listed_in_order_page_by_page(storage):
    for workflow, version in [("b", "1"), ("a", "2"), ("B", "1"), ("a", "1")]:
        await storage.definitions.apply(definition(version, workflow=workflow), [], None)
        await asyncio.sleep(0.002)
    wanted = ["B@1", "a@2", "a@1", "b@1"]
    pages, after = [], ""
    while page := await storage.definitions.list(NAMESPACE, after, limit=3):
        after = f"{page[-1].workflow}@{page[-1].version}"
        pages += [f"{row.workflow}@{row.version}" for row in page]
    assert pages == wanted
    assert await storage.definitions.list("another") == []


async def test_what_is_not_there_is_not_found(storage):
    await storage.definitions.apply(definition("1"), [], None)
    with pytest.raises(NotFound):
        await storage.definitions.get(NAMESPACE, "order", "2")
    with pytest.raises(NotFound):
        await storage.definitions.get("another", "order", None)
    with pytest.raises(NotFound):
        await storage.definitions.by_hash(NAMESPACE, "unknown")
