"""Hints between processes, and a connection whose server comes and goes."""

import asyncio
import os
import signal

import pytest

from engine.adapters.memory.hints import MemoryHints
from engine.adapters.nats.connection import NatsConnection
from engine.adapters.nats.hints import CombinedHints, NatsHints
from engine.adapters.nats.publisher import NatsPublisher
from engine.model.errors import TooLarge, Unavailable
from server.embedded import EmbeddedNats


async def combined(connection: NatsConnection) -> CombinedHints:
    others = NatsHints(connection)
    await others.start()
    return CombinedHints(MemoryHints(), others)


async def eventually(condition) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


async def test_hints_reach_this_process_once_and_others_once(nats_url, connect, namespace):
    here, there = await combined(await connect(nats_url)), await combined(await connect(nats_url))
    heard_here, heard_there, family = [], [], []
    await here.listen(f"stream.{namespace}", heard_here.append)
    end = await there.listen(f"stream.{namespace}", heard_there.append)
    await there.listen("stream.*", family.append)
    await asyncio.sleep(0.1)
    await here.notify(f"stream.{namespace}")
    assert heard_here == [f"stream.{namespace}"]
    await eventually(lambda: f"stream.{namespace}" in family)
    assert heard_there == [f"stream.{namespace}"]
    await end()
    await there.notify(f"stream.{namespace}")
    await eventually(lambda: len(heard_here) == 2)
    assert heard_there == [f"stream.{namespace}"]
    assert family.count(f"stream.{namespace}") == 2


async def test_memory_hints_know_topics_and_families():
    hints, heard = MemoryHints(), []
    await hints.listen("inbox.3", heard.append)
    end = await hints.listen("inbox.*", lambda topic: heard.append(f"any:{topic}"))
    await hints.notify("inbox.3")
    await hints.notify("inbox.4")
    await end()
    await end()
    await hints.notify("inbox.3")
    assert heard == ["inbox.3", "any:inbox.3", "any:inbox.4", "inbox.3"]


async def test_without_nats_hints_work_here_and_nothing_fails(service_dir):
    connection = NatsConnection("nats://127.0.0.1:1")
    connection.start()
    try:
        hints, heard = await combined(connection), []
        await hints.listen("inbox.1", heard.append)
        await hints.notify("inbox.1")
        assert heard == ["inbox.1"]
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"):
            await connection.connected(0.2)
    finally:
        await connection.close()


async def test_a_server_that_starts_later_is_found(service_dir):
    server = EmbeddedNats(service_dir)
    url = await server.start()
    await server.kill()
    connection = NatsConnection(url)
    connection.start()
    hints, heard = NatsHints(connection), []
    await hints.start()
    await hints.listen("inbox.1", heard.append)
    try:
        await asyncio.sleep(0.2)
        assert connection.client is None
        await server.restart()
        await connection.connected(30)
        other = NatsConnection(url)
        other.start()
        await other.connected(30)
        speaker = NatsHints(other)
        async with asyncio.timeout(30):
            while heard.count("inbox.1") < 2:
                await speaker.notify("inbox.1")
                await asyncio.sleep(0.02)
        await other.close()
    finally:
        await connection.close()
        await server.stop()


async def test_hints_come_again_after_an_outage_and_listeners_look_once(nats_server, connect):
    here, there = await connect(nats_server.url), await connect(nats_server.url)
    listener, speaker = NatsHints(here), NatsHints(there)
    await listener.start()
    heard: list[str] = []
    await listener.listen("log.1", heard.append)
    os.kill(nats_server.pid, signal.SIGKILL)
    await nats_server.wait()
    await speaker.notify("log.1")
    assert heard == []
    await nats_server.restart()
    await eventually(lambda: heard == ["log.1"])
    await there.connected(30)
    async with asyncio.timeout(30):
        while len(heard) < 2:
            await speaker.notify("log.1")
            await asyncio.sleep(0.02)


async def test_publishing_the_same_id_twice_is_one_message(nats_server, connect):
    connection = await connect(nats_server.url)
    publisher = NatsPublisher(connection)
    await publisher.start()
    client = await connection.connected()
    subscription = await client.subscribe("cloudevents.out.>")
    for _ in range(3):
        await publisher.publish("shop", "com.example/order paid", "ev_1.2", b'{"a":1}')
    info = await client.jetstream().stream_info("REFOLD_OUT")
    assert info.state.messages == 1
    message = await subscription.next_msg(5)
    assert message.subject == "cloudevents.out.shop.com.example%2Forder%20paid"
    assert message.data == b'{"a":1}'
    assert message.headers["Content-Type"] == "application/cloudevents+json"


@pytest.mark.parametrize("kind", ["x" * 2_000, "a.b" * 700, "...", "ü" * 900, "*.>", "a b\t"])
async def test_every_type_can_be_published(nats_server, connect, kind):
    publisher = NatsPublisher(await connect(nats_server.url))
    await publisher.start()
    await publisher.publish("shop", kind, "1", b"{}")


async def test_an_event_beyond_what_nats_carries_is_told_apart_from_an_outage(nats_server, connect):
    publisher = NatsPublisher(await connect(nats_server.url))
    await publisher.start()
    with pytest.raises(TooLarge):
        await publisher.publish("shop", "a", "1", b"x" * 1_100_000)


async def test_an_outage_is_told_as_unavailable(nats_server, connect):
    publisher = NatsPublisher(await connect(nats_server.url))
    await publisher.start()
    os.kill(nats_server.pid, signal.SIGKILL)
    await nats_server.wait()
    with pytest.raises(Unavailable):
        await publisher.publish("shop", "a", "1", b"{}")
