"""CloudEvents from a real NATS into a real Postgres: acknowledged only after the commit."""

import asyncio
import json
import os
import signal
from contextlib import asynccontextmanager, suppress

import nats
import pytest

from engine.adapters.memory.hints import MemoryHints
from engine.adapters.nats.source import IN_STREAM, NatsSource
from engine.adapters.postgres.migrate import ensure_partitions, migrate
from engine.adapters.postgres.storage import open_storage
from engine.model.cloudevents import CloudEvent
from engine.model.ids import attribute_key
from engine.runtime.bus_intake import BusIntake
from engine.runtime.ingest import Intake


@asynccontextmanager
async def running_intake(database, connection):
    """An intake at work; gives the storage, the JetStream context and what was hinted at."""
    await migrate(database)
    await ensure_partitions(database)
    storage = await open_storage(database, "test", size=4)
    hints, hinted = MemoryHints(), []
    await hints.listen("stream.*", hinted.append)
    source = NatsSource(connection, ack_wait_s=5)
    await source.start()
    intake = BusIntake(source, Intake(storage.streams, hints), storage.streams)
    task = asyncio.create_task(intake.run())
    try:
        yield storage, (await connection.connected()).jetstream(), hinted
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await storage.close()


def structured(event_id: str, **more: object) -> bytes:
    event = {"specversion": "1.0", "id": event_id, "source": "/shop", "type": "order.paid", **more}
    return json.dumps(event).encode()


async def until_empty(js) -> None:
    """Wait until every message of the stream was acknowledged."""
    async with asyncio.timeout(60):
        while (await js.stream_info(IN_STREAM)).state.messages:
            await asyncio.sleep(0.02)


async def test_events_are_stored_in_order_with_their_keys(nats_server, connect, database):
    async with running_intake(database, await connect(nats_server.url)) as (storage, js, hinted):
        await js.publish("cloudevents.in.shop.a", structured("1", orderid="o1", data={"n": 1.10}))
        headers = {"ce-specversion": "1.0", "ce-id": "2", "ce-source": "/shop", "ce-type": "x.y"}
        headers |= {"ce-subject": "s1", "ce-datacontenttype": "application/json"}
        await js.publish("cloudevents.in.shop", b'{"n":12345678901234567890}', headers=headers)
        await js.publish("cloudevents.in.other.x", structured("1"))
        await until_empty(js)
        first, second = await storage.streams.read("shop", [], 0, 100)
        assert (first.position, first.id, second.position, second.id) == (1, "1", 2, "2")
        assert b"12345678901234567890" in second.body
        assert json.loads(second.attributes)["subject"] == "s1"
        keyed = attribute_key("orderid", "o1")
        assert [one.id for one in await storage.streams.read("shop", [], 0, 9, keyed)] == ["1"]
        keyed = attribute_key("subject", "s1")
        assert [one.id for one in await storage.streams.read("shop", [], 0, 9, keyed)] == ["2"]
        assert await storage.streams.head("other") == 1
        assert set(hinted) == {"stream.shop", "stream.other"}


async def test_a_duplicate_changes_nothing(nats_server, connect, database):
    async with running_intake(database, await connect(nats_server.url)) as (storage, js, _):
        for _ in range(5):
            await js.publish("cloudevents.in.shop.a", structured("1"))
        await until_empty(js)
        assert await storage.streams.head("shop") == 1
        assert await storage.streams.dead_letters("shop", 0, 10) == []


@pytest.mark.parametrize(
    ("subject", "headers", "payload", "namespace", "code"),
    [
        ("shop.a", None, b"{", "shop", "cloudevent.bad_json"),
        ("shop.a", None, b"", "shop", "cloudevent.bad_json"),
        ("shop.a", None, b"\x00\xff", "shop", "cloudevent.bad_encoding"),
        ("shop.a", None, b'{"specversion":"1.0"}', "shop", "cloudevent.missing_attribute"),
        ("shop.a", {"ce-id": "1"}, b"x", "shop", "cloudevent.missing_attribute"),
        ("Bad_Name.a", None, structured("1"), "default", "namespace.invalid"),
        ("-.a", None, structured("1"), "default", "namespace.invalid"),
    ],
)
async def test_what_is_no_event_becomes_a_dead_letter(
    nats_server, connect, database, subject, headers, payload, namespace, code
):
    async with running_intake(database, await connect(nats_server.url)) as (storage, js, _):
        await js.publish(f"cloudevents.in.{subject}", payload, headers=headers)
        await js.publish("cloudevents.in.shop.good", structured("good"))
        await until_empty(js)
        (letter,) = await storage.streams.dead_letters(namespace, 0, 10)
        assert (letter.code, letter.body) == (code, payload)
        assert letter.reason.endswith(".")
        assert letter.origin == f"nats:{IN_STREAM}:1"
        assert [event.id for event in await storage.streams.read("shop", [], 0, 9)] == ["good"]


async def test_the_same_id_with_other_content_is_a_dead_letter(nats_server, connect, database):
    async with running_intake(database, await connect(nats_server.url)) as (storage, js, _):
        await js.publish("cloudevents.in.shop.a", structured("1", data="one"))
        await js.publish("cloudevents.in.shop.a", structured("1", data="two"))
        await until_empty(js)
        (letter,) = await storage.streams.dead_letters("shop", 0, 10)
        assert letter.code == "cloudevent.conflict"
        (event,) = await storage.streams.read("shop", [], 0, 9)
        assert json.loads(event.body)["data"] == "one"


async def test_nothing_is_lost_while_postgres_and_nats_are_killed(
    nats_server, postgres_server, connect
):
    connection = await connect(nats_server.url)
    accepted: list[str] = []
    is_over = asyncio.Event()

    async def send() -> None:
        client = await nats.connect(
            nats_server.url, max_reconnect_attempts=-1, reconnect_time_wait=0.1, error_cb=_quiet
        )
        number = 0
        while not is_over.is_set():
            with suppress(nats.errors.Error, TimeoutError):
                js = client.jetstream(timeout=1)
                await js.publish("cloudevents.in.shop.a", structured(str(number)))
                accepted.append(str(number))
            number += 1
            await asyncio.sleep(0.001)
        await client.close()

    async with running_intake(postgres_server.url, connection) as (storage, js, _):
        sending = asyncio.create_task(send())
        while len(accepted) < 50:
            await asyncio.sleep(0.01)
        os.kill(postgres_server.pid, signal.SIGKILL)
        await postgres_server.wait()
        await asyncio.sleep(0.3)
        await postgres_server.restart()
        seen = len(accepted)
        while len(accepted) < seen + 50:
            await asyncio.sleep(0.01)
        os.kill(nats_server.pid, signal.SIGKILL)
        await nats_server.wait()
        await nats_server.restart()
        seen = len(accepted)
        while len(accepted) < seen + 50:
            await asyncio.sleep(0.01)
        is_over.set()
        await sending
        await until_empty(js)
        stored = [
            event.id for event in await storage.streams.read("shop", [], 0, 10**6, None, 10**6)
        ]
        assert len(stored) == len(set(stored))
        assert set(accepted) <= set(stored)
        assert await storage.streams.dead_letters("shop", 0, 10) == []


async def test_callers_at_the_same_time_share_commits(database):
    await migrate(database)
    await ensure_partitions(database)
    storage = await open_storage(database, "test", size=4)
    commits = []

    class Counting:
        async def ingest(self, namespace, rows):
            commits.append(len(rows))
            return await storage.streams.ingest(namespace, rows)

    try:
        intake = Intake(Counting(), MemoryHints())
        events = [CloudEvent(id=str(n), source="/s", type="t") for n in range(200)]
        receipts = await asyncio.gather(
            *(intake.ingest("shop", [event], "key:me") for event in events)
        )
        assert sorted(one.position for (one,) in receipts) == list(range(1, 201))
        assert len(commits) <= 3
        assert sum(commits) == 200
    finally:
        await storage.close()


async def _quiet(_: Exception) -> None:
    return
