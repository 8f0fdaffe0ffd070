"""Breakpoints: set with their audit entry, reached, spent, removed; no more than so many."""

import json

import pytest

from engine.ports.breakpoints import MAX_BREAKPOINTS, BreakpointRow
from schemas.events.parts import Asked
from tests.conformance.storage.builders import NAMESPACE, SHARD

HOUR_MS = 3_600_000


async def a_breakpoint(storage, *, expires_in_ms=HOUR_MS, **changes):
    [ident] = await storage.inbox.mint(0, 1)
    members = {
        "namespace": NAMESPACE, "id": ident, "workflow": "order", "version": "1", "state": "Pay",
        "execution_id": None, "condition": ".total > 3", "once": False, "share": 0.25,
        "release_on_expiry": True, "created_at": 0, "expires_at": 0, "actor": "key:ann",
        "origin": "::1 curl", "reason": "to look", **changes,
    }  # fmt: skip
    return await storage.breakpoints.set(BreakpointRow(**members), expires_in_ms)


async def executions(storage, count):
    return await storage.inbox.mint(SHARD, count)


async def test_a_breakpoint_is_found_as_it_was_set_with_the_times_of_the_database(storage):
    one = await a_breakpoint(storage)
    assert one.expires_at == one.created_at + HOUR_MS
    assert abs(one.created_at - await storage.leases.now_ms()) < 60_000
    assert await storage.breakpoints.get(NAMESPACE, one.id) == one
    assert await storage.breakpoints.get("another", one.id) is None
    assert await storage.breakpoints.active() == [one]


async def test_setting_and_removing_are_in_the_audit_stream(storage):
    one = await a_breakpoint(storage)
    asked = Asked(origin="::1 cli", reason="seen enough")
    await storage.breakpoints.remove(NAMESPACE, one.id, "key:bob", asked, release=True)
    entries = await storage.audit.read(NAMESPACE, 0, 10)
    assert [(row.actor, row.action, row.target) for row in entries] == [
        ("key:ann", "breakpoint.set", one.text_id), ("key:bob", "breakpoint.removed", one.text_id),
    ]  # fmt: skip
    told = [json.loads(row.data) for row in entries]
    assert (told[0]["condition"], told[0]["reason"]) == (".total > 3", "to look")
    assert (told[1]["release"], told[1]["reason"]) == (True, "seen enough")


async def test_one_that_is_removed_expired_or_spent_is_not_active_but_kept(storage):
    kept = await a_breakpoint(storage)
    expired = await a_breakpoint(storage, expires_in_ms=-1)
    spent = await a_breakpoint(storage, once=True)
    removed = await a_breakpoint(storage)
    [execution] = await executions(storage, 1)
    assert await storage.breakpoints.reached(spent.id, execution, 5) == "held"
    await storage.breakpoints.remove(NAMESPACE, removed.id, "ann", Asked(), release=False)
    assert [row.id for row in await storage.breakpoints.active()] == [kept.id]
    assert [row.id for row in await storage.breakpoints.page(NAMESPACE)] == [kept.id]
    everything = await storage.breakpoints.page(NAMESPACE, ended=True)
    ids = {kept.id, expired.id, spent.id, removed.id}
    assert {row.id for row in everything} == ids


async def test_a_list_goes_backwards_page_by_page(storage):
    ids = sorted([(await a_breakpoint(storage)).id for _ in range(3)], reverse=True)
    first = await storage.breakpoints.page(NAMESPACE, None, 2)
    rest = await storage.breakpoints.page(NAMESPACE, first[-1].id, 2)
    assert [row.id for row in (*first, *rest)] == ids
    assert await storage.breakpoints.page("another") == []


async def test_what_a_breakpoint_holds_is_counted(storage):
    one = await a_breakpoint(storage)
    first, second = await executions(storage, 2)
    assert await storage.breakpoints.reached(one.id, first, 5) == "held"
    assert await storage.breakpoints.reached(one.id, second, 7) == "held"
    found = await storage.breakpoints.get(NAMESPACE, one.id)
    assert (found.hits, found.last_hit_at, found.last_hit) == (2, 7, second)


async def test_one_that_holds_once_holds_the_first_however_often_that_is_said(storage):
    one = await a_breakpoint(storage, once=True)
    first, second = await executions(storage, 2)
    outcomes = [
        await storage.breakpoints.reached(one.id, execution, 5)
        for execution in (first, second, first)
    ]
    assert outcomes == ["held", "late", "held"]
    assert (await storage.breakpoints.get(NAMESPACE, one.id)).last_hit == first


@pytest.mark.parametrize(("release", "outcome"), [(True, "released"), (False, "held")])
async def test_what_is_held_after_a_removal_stays_held_unless_all_is_let_go(
    storage, release, outcome
):
    one = await a_breakpoint(storage)
    [execution] = await executions(storage, 1)
    await storage.breakpoints.remove(NAMESPACE, one.id, "ann", Asked(), release=release)
    assert await storage.breakpoints.reached(one.id, execution, 5) == outcome


async def test_a_removal_that_changes_nothing_says_so(storage):
    one = await a_breakpoint(storage)
    outcomes = [
        await storage.breakpoints.remove(namespace, one.id, "ann", Asked(), release=release)
        for namespace, release in (
            ("another", False), (NAMESPACE, False), (NAMESPACE, False), (NAMESPACE, True),
            (NAMESPACE, True),
        )
    ]  # fmt: skip
    assert [row is not None for row in outcomes] == [False, True, False, True, False]


async def test_a_remark_on_a_condition_is_kept(storage):
    one = await a_breakpoint(storage)
    await storage.breakpoints.remark(one.id, 9, "the condition gave int, not true or false")
    found = await storage.breakpoints.get(NAMESPACE, one.id)
    assert (found.last_error_at, found.last_error) == (
        9, "the condition gave int, not true or false",
    )  # fmt: skip


async def test_a_namespace_has_no_more_than_so_many_that_may_hold(storage):
    for _ in range(MAX_BREAKPOINTS):
        assert await a_breakpoint(storage) is not None
    assert await a_breakpoint(storage) is None
    assert await a_breakpoint(storage, namespace="another") is not None
