"""Everything that the log holds is read in order, page by page, as it stood at a position."""

from uuid import UUID

from engine.ports.rows import BirthRow
from tests.conformance.storage.builders import (
    NAMESPACE,
    SHARD,
    batch,
    cloudevent,
    definition,
    grow,
    next_events,
)

NIL = UUID(int=0)
ALL = 2**62


def birth(execution: UUID, **descent) -> BirthRow:
    return BirthRow(SHARD, execution, NAMESPACE, "order", "1", "h", "cncf-0.8", 1, "k", **descent)


async def two_executions(storage, head):
    """Positions 1-2 are those of the first, 3-4 those of the second, 5 is the first's again."""
    one, two = sorted(await storage.inbox.mint(SHARD, 2))
    events = next_events(head, one, 1, 2)
    await storage.log.append(batch(head, events, births=[birth(one)]))
    head = await storage.log.locked_head(SHARD)
    forked = birth(two, forked_from=one, forked_at=1)
    await storage.log.append(batch(head, next_events(head, two, 1, 2), births=[forked]))
    await grow(storage.log, await storage.log.locked_head(SHARD), one, 3, 1)
    return one, two


async def test_executions_stand_as_they_did_at_a_position(storage, head):
    one, two = await two_executions(storage, head)

    async def at(upto):
        found = await storage.survey.births(SHARD, NIL, upto, 10)
        return [(row.birth.execution_id, row.events) for row in found]

    assert await at(ALL) == [(one, 3), (two, 2)]
    assert await at(4) == [(one, 2), (two, 2)]
    assert await at(2) == [(one, 2), (two, None)]
    [last] = await storage.survey.births(SHARD, one, ALL, 10)
    assert last.birth == birth(two, forked_from=one, forked_at=1)
    assert last.hash == (await storage.log.last_event(two)).hash
    assert len(await storage.survey.births(SHARD, NIL, ALL, 1)) == 1
    assert await storage.survey.births(SHARD + 1, NIL, ALL, 10) == []


async def test_a_birth_without_any_event_is_told(storage, head):
    [one] = await storage.inbox.mint(SHARD, 1)
    await storage.log.append(batch(head, [], births=[birth(one)]))
    [found] = await storage.survey.births(SHARD, NIL, 0, 10)
    assert (found.events, found.hash) == (0, b"")


async def test_events_are_read_execution_by_execution(storage, head):
    one, two = await two_executions(storage, head)

    async def read(after, upto, limit):
        rows = await storage.survey.events(SHARD, after, upto, limit)
        return [(row.execution_id, row.seq) for row in rows]

    everything = [(one, 1), (one, 2), (one, 3), (two, 1), (two, 2)]
    assert await read((NIL, 0), ALL, 10) == everything
    assert await read((one, 2), ALL, 2) == everything[2:4]
    assert await read((NIL, 0), 4, 10) == [*everything[:2], *everything[3:]]
    [first] = await storage.survey.events(SHARD, (NIL, 0), ALL, 1)
    assert first == (await storage.log.read_execution(one))[0]


async def test_marks_are_read_by_position(storage, head):
    one, two = await two_executions(storage, head)
    found = await storage.survey.marks(SHARD, 1, 4)
    assert [(mark.position, mark.execution_id, mark.seq) for mark in found] == [
        (2, one, 2),
        (3, two, 1),
        (4, two, 2),
    ]
    [row] = await storage.log.read_shard(SHARD, 1, 2)
    assert (found[0].epoch, found[0].hash) == (row.epoch, row.hash)


async def test_definitions_of_all_namespaces_are_read_with_their_documents(storage):
    for version in ("2", "1"):
        await storage.definitions.apply(definition(version, spec=b"a", other=b"b"), [], None)
    first, second = await storage.survey.definitions(("", "", ""), 10)
    assert (first.version, second.version) == ("1", "2")
    assert first == await storage.definitions.get(NAMESPACE, "order", "1")
    assert await storage.survey.definitions((NAMESPACE, "order", "1"), 10) == [second]
    assert await storage.survey.definitions(("", "", ""), 1) == [first]


async def test_digests_are_read_as_they_were_stored(storage):
    rows = [cloudevent(1), cloudevent(2)]
    await storage.streams.ingest(NAMESPACE, rows)
    await storage.streams.ingest("other", rows[:1])
    found = await storage.survey.digests(("", 0), 10)
    assert [(one.namespace, one.position) for one in found] == [
        (NAMESPACE, 1),
        (NAMESPACE, 2),
        ("other", 1),
    ]
    assert found[1].digest == rows[1].digest
    assert await storage.survey.digests((NAMESPACE, 1), 1) == found[1:2]


async def test_senders_are_told_the_newest_first(storage):
    await storage.streams.ingest(NAMESPACE, [cloudevent(number) for number in (1, 2, 3)])
    found = await storage.survey.senders(NAMESPACE, 3, 10)
    assert [(one.position, one.id, one.actor) for one in found] == [
        (2, "2", "publisher"),
        (1, "1", "publisher"),
    ]
    assert found[0].at > 0
    assert len(await storage.survey.senders(NAMESPACE, 3, 1)) == 1
    assert await storage.survey.senders("another", 3, 10) == []
