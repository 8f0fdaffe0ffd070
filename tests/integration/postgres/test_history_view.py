"""People with SQL see what the API shows."""

import json
import random
from uuid import UUID

import pytest
from msgspec.structs import replace

from engine.model.errors import Unavailable
from engine.model.ids import format_execution
from tests.conformance.storage.builders import SHARD, batch, event, grow, next_events

SEED = 7


async def test_ids_are_written_as_commands_write_them(owner):
    rng = random.Random(SEED)
    for number in [0, (1 << 128) - 1, *(rng.getrandbits(128) for _ in range(50))]:
        written = await owner.fetchval("SELECT log.format_execution_v1($1)", UUID(int=number))
        assert written == format_execution(UUID(int=number))


async def test_data_is_decoded_and_keeps_its_numbers(owner, open_engine):
    storage = await open_engine("e1")
    head = await storage.leases.claim("e1", SHARD, 60_000)
    [one] = await storage.inbox.mint(SHARD, 1)
    await grow(storage.log, head, one, 1, 2)
    first, second = await owner.fetch(
        "SELECT * FROM log.history WHERE execution_id = $1 ORDER BY seq", one
    )
    assert first["execution"] == format_execution(one)
    assert (first["seq"], second["seq"]) == (1, 2)
    assert (first["type"], first["name"]) == ("StateEntered", "Größe")
    assert first["data"] == '{"n":12345678901234567890,"t":"é"}'
    assert first["at"].timestamp() == 1_700_000_000.001


async def test_a_codec_that_is_not_plain_json_is_left_closed(owner, open_engine):
    storage = await open_engine("e1")
    head = await storage.leases.claim("e1", SHARD, 60_000)
    [one] = await storage.inbox.mint(SHARD, 1)
    sealed = replace(event(one, 1, position=1), codec=2, data=b"\xff\x00")
    await storage.log.append(batch(head, [sealed]))
    assert await owner.fetchval("SELECT data FROM log.history") is None
    assert await owner.fetchval("SELECT count(*) FROM log.history") == 1


async def test_an_id_of_a_period_without_partition_is_refused_with_advice(open_engine):
    storage = await open_engine("e1")
    head = await storage.leases.claim("e1", SHARD, 60_000)
    ancient = UUID(int=7 << 76 | SHARD << 64 | 1 << 63)
    with pytest.raises(Unavailable, match="partitions"):
        await storage.log.append(batch(head, next_events(head, ancient, 1, 1)))
    assert (await storage.log.locked_head(SHARD)).last_position == 0


async def test_stored_bytes_are_the_bytes_given(open_engine):
    storage = await open_engine("e1")
    head = await storage.leases.claim("e1", SHARD, 60_000)
    [one] = await storage.inbox.mint(SHARD, 1)
    text = b'{"b":1e2,"a":-0.0,"b":"\\u0000"}'
    row = replace(event(one, 1, position=1), data=text, salt=bytes(range(256)))
    await storage.log.append(batch(head, [row]))
    [kept] = await storage.log.read_execution(one)
    assert (kept.data, kept.salt) == (text, bytes(range(256)))
    assert json.loads(kept.data)["b"] == "\x00"
