"""A shard has one owner; its epoch rises with each claim."""

import asyncio

from tests.conformance.storage.builders import SHARD


async def test_a_claim_takes_a_free_shard_under_the_next_epoch(storage):
    head = await storage.leases.claim("e1", SHARD, 60_000)
    assert (head.owner, head.epoch, head.last_position) == ("e1", 1, 0)
    assert head.expires_at > await storage.leases.now_ms()


async def test_a_held_shard_is_not_given_away(storage, head):
    assert await storage.leases.claim("e2", SHARD, 60_000) is None
    assert await storage.log.locked_head(SHARD) == head


async def test_of_many_claims_at_once_one_wins(storage):
    claims = await asyncio.gather(
        *(storage.leases.claim(f"e{number}", SHARD, 60_000) for number in range(10))
    )
    [won] = [head for head in claims if head is not None]
    assert won.epoch == 1


async def test_a_lease_that_ran_out_is_taken_over(storage):
    await storage.leases.claim("e1", SHARD, 0)
    taken = await storage.leases.claim("e2", SHARD, 60_000)
    assert (taken.owner, taken.epoch) == ("e2", 2)
    assert await storage.leases.renew("e1", [SHARD], 60_000) == []


async def test_a_lease_that_ran_out_and_nobody_took_can_be_renewed(storage):
    await storage.leases.claim("e1", SHARD, 0)
    assert await storage.leases.renew("e1", [SHARD], 60_000) == [SHARD]
    assert await storage.leases.claim("e2", SHARD, 60_000) is None


async def test_renewing_keeps_the_epoch_and_only_what_is_held(storage, head):
    await storage.leases.claim("e2", SHARD + 1, 60_000)
    assert await storage.leases.renew("e1", [SHARD + 1, SHARD], 90_000) == [SHARD]
    after = await storage.log.locked_head(SHARD)
    assert after.epoch == head.epoch
    assert after.expires_at > head.expires_at


async def test_a_released_shard_is_free_at_once(storage, head):
    await storage.leases.release("e2", [SHARD])
    assert await storage.leases.claim("e2", SHARD, 60_000) is None
    await storage.leases.release("e1", [SHARD])
    taken = await storage.leases.claim("e2", SHARD, 60_000)
    assert taken.epoch == head.epoch + 1


async def test_claiming_a_shard_of_ones_own_starts_a_new_epoch(storage, head):
    assert (await storage.leases.claim("e1", SHARD, 60_000)).epoch == head.epoch + 1


async def test_a_shard_that_is_not_there_is_nobodys(storage):
    assert await storage.leases.claim("e1", 999, 60_000) is None
    assert await storage.leases.renew("e1", [999], 60_000) == []


async def test_engines_that_announce_themselves_live(storage):
    assert await storage.leases.announce("b", 60_000) == ["b"]
    assert await storage.leases.announce("a", 60_000) == ["a", "b"]
    assert await storage.leases.announce("b", 0) == ["a"]
    assert await storage.leases.announce("a", 60_000) == ["a"]
