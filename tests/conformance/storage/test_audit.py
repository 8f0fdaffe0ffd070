"""Who did what: streams without gap, chained, written with what they tell of."""

import asyncio

import pytest

from engine.core.chain import audit_genesis, audit_hash, merkle_root
from engine.model.errors import Conflict
from engine.ports.audit import AuditFilter, Deed
from schemas.events.parts import Asked
from tests.conformance.storage.builders import NAMESPACE, definition


def deed(number: int, **rest) -> Deed:
    given = {"actor": "key:ann", "action": "bundle.exported", "target": f"ex_{number}", **rest}
    return Deed(NAMESPACE, asked=Asked("10.0.0.1 curl", "ticket 7"), data={"n": number}, **given)


async def all_rows(storage, namespace=NAMESPACE):
    return await storage.audit.read(namespace, 0, 2**62)


def chain_of(storage, rows):
    """The hash that each entry should have."""
    previous = audit_genesis(storage.installation.cluster_id, rows[0].namespace)
    for row in rows:
        texts = (row.namespace, row.actor, row.action, row.target)
        previous = audit_hash(previous, row.position, row.at, texts, row.digest)
        yield previous


async def test_entries_are_chained_as_the_core_computes_it(storage):
    for number, target in enumerate(["ex_1", "größe", "", "x" * 70_000]):
        assert await storage.audit.record(deed(number, target=target)) == number + 1
    rows = await all_rows(storage)
    assert [row.hash for row in rows] == list(chain_of(storage, rows))
    assert [row.target for row in rows[:3]] == ["ex_1", "größe", ""]
    assert [row.digest for row in rows] == [merkle_root(row.data, row.salt) for row in rows]
    assert rows[0].data == b'{"origin":"10.0.0.1 curl","reason":"ticket 7","n":0}'
    assert len({row.salt for row in rows}) == len(rows)
    [head] = await storage.audit.heads()
    assert (head.namespace, head.position, head.hash) == (NAMESPACE, 4, rows[-1].hash)


async def test_concurrent_entries_leave_no_gap(open_engine):
    engines = [await open_engine("e1"), await open_engine("e2")]
    await asyncio.gather(*(engines[n % 2].audit.record(deed(n)) for n in range(40)))
    rows = await all_rows(engines[0])
    assert [row.position for row in rows] == list(range(1, 41))
    assert [row.at for row in rows] == sorted(row.at for row in rows)
    assert [row.hash for row in rows] == list(chain_of(engines[0], rows))


async def test_streams_are_separate_and_a_range_is_read_in_pages(storage):
    for number in range(5):
        await storage.audit.record(deed(number))
    await storage.audit.record(Deed("*", "system", "projection.rebuilt", "read_2"))
    assert [row.position for row in await storage.audit.read(NAMESPACE, 1, 4, 2)] == [2, 3]
    assert [row.position for row in await storage.audit.read(NAMESPACE, 3, 4, 2)] == [4]
    assert [row.action for row in await all_rows(storage, "*")] == ["projection.rebuilt"]
    assert await all_rows(storage, "another") == []
    assert [head.namespace for head in await storage.audit.heads()] == ["*", NAMESPACE]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (AuditFilter(), [4, 3, 2, 1]),
        (AuditFilter(actor="key:bob"), [2]),
        (AuditFilter(action="bundle.exported"), [4, 1]),
        (AuditFilter(action="bundle."), [4, 3, 1]),
        (AuditFilter(action="bundle"), []),
        (AuditFilter(target="ex_2"), [2]),
        (AuditFilter(actor="key:ann", action="bundle.", target="ex_3"), [3]),
        (AuditFilter(until=0), []),
        (AuditFilter(since=2**53), []),
    ],
)
async def test_entries_are_found_the_newest_first(storage, wanted, expected):
    await storage.audit.record(deed(1))
    await storage.audit.record(deed(2, actor="key:bob", action="breakpoint.set"))
    await storage.audit.record(deed(3, action="bundle.imported"))
    await storage.audit.record(deed(4))

    async def find(**limits):
        return [row.position for row in await storage.audit.find(NAMESPACE, wanted, **limits)]

    assert await find() == expected
    assert await find(limit=1) == expected[:1]
    assert await find(before=3) == [one for one in expected if one < 3]
    times = [row.at for row in await all_rows(storage)]
    within = AuditFilter(since=times[0], until=times[-1])
    assert len(await storage.audit.find(NAMESPACE, within)) == 4


async def test_an_activation_is_recorded_with_it_and_nothing_else_is(storage):
    asked = Asked("10.0.0.1", "hotfix")
    row = definition("1", spec=b"a")
    await storage.definitions.apply(row, [], None, asked)
    await storage.definitions.apply(row, [], None, asked)
    with pytest.raises(Conflict):
        await storage.definitions.apply(definition("1", spec=b"b"), [], None, asked)
    await storage.definitions.apply(definition("2"), [], None)
    await storage.definitions.apply(row, [], None)
    rows = await all_rows(storage)
    assert [(one.action, one.target) for one in rows] == [
        ("definition.applied", "order@1"),
        ("definition.applied", "order@2"),
        ("definition.applied", "order@1"),
    ]
    assert rows[0].actor == row.actor
    assert b'"reason":"hotfix"' in rows[0].data
    assert row.definition_hash.encode() in rows[0].data
