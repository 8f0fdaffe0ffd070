"""Readers keep their places; the catalog answers before a log is read."""

from engine.ports.rows import BirthRow
from tests.conformance.storage.builders import NAMESPACE, SHARD, batch, next_events, start


async def test_a_new_reader_stands_at_the_beginning_of_every_shard(storage):
    positions = await storage.readers.positions("list")
    assert positions == dict.fromkeys(range(64), 0)


async def test_a_reader_goes_forward_and_never_back(storage):
    await storage.readers.positions("list")
    await storage.readers.advance("list", SHARD, 7)
    await storage.readers.advance("list", SHARD, 3)
    positions = await storage.readers.positions("list")
    assert positions[SHARD] == 7
    assert (await storage.readers.positions("outbox"))[SHARD] == 0


async def test_a_birth_is_found_in_its_namespace_alone(storage, head):
    [one] = await storage.inbox.mint(SHARD, 1)
    birth = BirthRow(SHARD, one, NAMESPACE, "order", "1", "hash", "cncf-0.8", 1, None)
    await storage.log.append(batch(head, next_events(head, one, 1, 1), births=[birth]))
    assert await storage.catalog.find_birth(NAMESPACE, one) == birth
    assert await storage.catalog.find_birth("another", one) is None


async def test_a_start_key_is_found_in_its_workflow_alone(storage):
    one, _ = await start(storage.inbox, "k")
    assert await storage.catalog.find_by_key(NAMESPACE, "order", "k") == one
    assert await storage.catalog.find_by_key(NAMESPACE, "invoice", "k") is None
    assert await storage.catalog.find_by_key("another", "order", "k") is None


async def test_an_installation_has_a_secret_and_an_id_that_stay(storage, open_engine):
    installation = await storage.catalog.installation()
    assert installation.shards == 64
    assert len(installation.callback_secret) == 32
    assert (await open_engine("e2")).installation == installation
