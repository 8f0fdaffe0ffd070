"""kill -9 of the NATS server in the middle of publishing, consuming and working."""

import asyncio
import os
import random
import signal

import nats
import pytest

from engine.adapters.nats.publisher import OUT_STREAM, NatsPublisher
from engine.adapters.nats.source import NatsSource
from engine.model.errors import Unavailable
from engine.ports.world import Answered
from server.embedded import EmbeddedNats

KILLS = 3


async def kill_and_restart(server: EmbeddedNats, pause_s: float) -> None:
    os.kill(server.pid, signal.SIGKILL)
    await server.wait()
    await asyncio.sleep(pause_s)
    await server.restart()


@pytest.fixture
def chance(request) -> random.Random:
    """Random instants; the seed is printed where a test fails."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    return random.Random(seed)


async def test_no_published_event_is_lost_or_doubled(nats_server, connect, chance):
    publisher = NatsPublisher(await connect(nats_server.url))
    await publisher.start()
    stored: list[int] = []
    is_over = asyncio.Event()

    async def publish_all(lane: int) -> None:
        number = lane
        while not is_over.is_set():
            try:
                await publisher.publish("default", "order.paid", f"m{number}", b"{}")
            except Unavailable:
                continue
            stored.append(number)
            number += 8

    lanes = [asyncio.create_task(publish_all(lane)) for lane in range(8)]
    for _ in range(KILLS):
        seen = len(stored)
        while len(stored) < seen + chance.randrange(20, 200):
            await asyncio.sleep(0.005)
        await kill_and_restart(nats_server, chance.random() / 5)
    seen = len(stored)
    while len(stored) < seen + 50:
        await asyncio.sleep(0.005)
    is_over.set()
    await asyncio.gather(*lanes)

    client = await nats.connect(nats_server.url)
    info = await client.jetstream().stream_info(OUT_STREAM)
    await client.close()
    assert info.state.messages == len(stored) == len(set(stored))


async def test_every_message_in_the_stream_is_delivered_until_acknowledged(
    nats_server, connect, chance
):
    source = NatsSource(await connect(nats_server.url), ack_wait_s=1.0)
    await source.start()
    sender = await connect(nats_server.url)
    accepted: set[str] = set()
    taken: set[str] = set()
    is_over = asyncio.Event()

    async def send() -> None:
        number = 0
        while not is_over.is_set():
            try:
                js = (await sender.connected(10)).jetstream(timeout=1)
                await js.publish("cloudevents.in.default.x", str(number).encode())
                accepted.add(str(number))
                number += 1
            except (nats.errors.Error, TimeoutError):
                continue

    async def take() -> None:
        while not (is_over.is_set() and taken >= accepted):
            try:
                messages = await source.fetch(20)
            except Unavailable:
                await asyncio.sleep(0.02)
                continue
            kept = [message for message in messages if chance.random() > 0.1]
            taken.update(message.payload.decode() for message in kept)
            await source.acknowledge(kept)
            await source.give_back([message for message in messages if message not in kept])

    tasks = [asyncio.create_task(send()), asyncio.create_task(take())]
    for _ in range(KILLS):
        seen = len(taken)
        while len(taken) < seen + chance.randrange(20, 100):
            await asyncio.sleep(0.005)
        await kill_and_restart(nats_server, chance.random() / 5)
    seen = len(taken)
    while len(taken) < seen + 20:
        await asyncio.sleep(0.005)
    is_over.set()
    await asyncio.wait_for(asyncio.gather(*tasks), 60)
    assert taken >= accepted


async def test_calls_of_functions_survive_outages(
    nats_server, connect, start_worker, start_handler, call, chance
):
    await start_worker(await connect(nats_server.url))
    handler = await start_handler(await connect(nats_server.url))
    answers: list[tuple[int, object]] = []
    is_over = asyncio.Event()

    async def call_all(lane: int) -> None:
        number = lane
        while not is_over.is_set():
            seconds = chance.choice((0, 0, 0.05, 0.5))
            answer = await handler.run(call("later", {"n": number, "seconds": seconds}))
            assert isinstance(answer, Answered), answer
            answers.append((number, answer.result["n"]))
            number += 16

    lanes = [asyncio.create_task(call_all(lane)) for lane in range(16)]
    for _ in range(KILLS):
        seen = len(answers)
        while len(answers) < seen + chance.randrange(30, 150):
            await asyncio.sleep(0.005)
        await kill_and_restart(nats_server, chance.random() / 5)
    seen = len(answers)
    while len(answers) < seen + 50:
        await asyncio.sleep(0.005)
    is_over.set()
    await asyncio.wait_for(asyncio.gather(*lanes), 60)
    assert all(asked == answered for asked, answered in answers)


async def test_a_long_call_outlives_an_outage_and_runs_once(
    nats_server, connect, start_worker, start_handler, call
):
    """The outage begins while the function runs and ends after it; its answer still arrives."""
    await start_worker(await connect(nats_server.url))
    handler = await start_handler(await connect(nats_server.url))
    slow = asyncio.create_task(handler.run(call("slow_count", {"seconds": 3.0})))
    # Only a call that a worker is known to have is not sent again.
    async with asyncio.timeout(60):
        while not all(one.has_worker for one in handler._asked.values()) or not handler._asked:
            await asyncio.sleep(0.05)
    await kill_and_restart(nats_server, 2.5)
    assert await slow == Answered(1)
    assert await handler.run(call("slow_count", {"seconds": 0})) == Answered(2)


async def test_streams_that_vanished_are_made_again(nats_server, connect):
    connection = await connect(nats_server.url)
    publisher = NatsPublisher(connection)
    await publisher.start()
    await publisher.publish("default", "a", "1", b"{}")
    client = await connection.connected()
    await client.jetstream().delete_stream(OUT_STREAM)
    with pytest.raises(Unavailable):
        await publisher.publish("default", "a", "2", b"{}")
    await publisher.publish("default", "a", "2", b"{}")
    info = await client.jetstream().stream_info(OUT_STREAM)
    assert info.state.messages == 1


async def test_a_consumer_that_vanished_is_made_again(nats_server, connect):
    connection = await connect(nats_server.url)
    source = NatsSource(connection)
    await source.start()
    js = (await connection.connected()).jetstream()
    await js.delete_stream("REFOLD_IN")
    found: list[bytes] = []
    async with asyncio.timeout(60):
        while not found:
            try:
                messages = await source.fetch(10)
            except Unavailable:
                continue
            found += [message.payload for message in messages]
            if not found:
                await js.publish("cloudevents.in.default.x", b"again")
    assert found[0] == b"again"
