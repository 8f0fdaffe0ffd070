"""10,000 malformed inputs: each is refused in words, none breaks the server or the next request.

The seed is printed; REFOLD_SEED repeats a run.
"""

import asyncio
import json
import os
import random
import secrets
import uuid
from collections import Counter
from urllib.parse import urlsplit

import nats
import pytest

from tests.integration.malformed import definitions, events, requests  # noqa: F401 - they register
from tests.integration.malformed.events import over_nats
from tests.integration.malformed.probe import CLASSES, Probe

INPUTS = 10_000
OVER_NATS = 1_000
CONNECTIONS = 8
ANSWER_S = 20.0


class Wire:
    """A connection that is kept while the server keeps it; raw, so that anything can be sent."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._place = (parts.hostname, parts.port)
        self._streams = None

    async def send(self, probe: Probe) -> int | None:
        """The status of the answer; None if the server closed the connection without one."""
        for fresh in (False, True):
            if self._streams is None or fresh:
                self.close()
                self._streams = await asyncio.open_connection(*self._place)
            try:
                status = await asyncio.wait_for(self._exchange(probe.encoded()), ANSWER_S)
            except (ConnectionError, asyncio.IncompleteReadError):
                self.close()
                status = None
            if status is not None or fresh:
                return status
        return None

    async def _exchange(self, message: bytes) -> int:
        reader, writer = self._streams
        writer.write(message)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = head.partition("content-length: ")[2].partition("\r\n")[0]
        await reader.readexactly(int(length or 0))
        if "connection: close" in head:
            self.close()
        return int(head.split(" ", 2)[1])

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


@pytest.fixture(scope="module")
def seed():
    chosen = int(os.environ.get("REFOLD_SEED") or secrets.randbits(32))
    print(f"REFOLD_SEED={chosen}")
    return chosen


def _good(number: int) -> Probe:
    event = {"specversion": "1.0", "id": f"good-{uuid.uuid4()}", "source": "/test", "type": "good"}
    headers = [("Content-Type", "application/cloudevents+json")]
    body = json.dumps(event | {"data": number}).encode()
    return Probe(path="/v1/namespaces/default/events", headers=headers, body=body)


async def test_no_malformed_request_is_taken_or_breaks_anything(refold, seed):
    assert len(CLASSES) >= 60
    each = -(-(INPUTS - OVER_NATS) // len(CLASSES))
    wrong: list[str] = []
    counts: Counter[str] = Counter()
    queue = list(CLASSES)

    async def work() -> None:
        wire = Wire(refold.url)
        while queue:
            name = queue.pop()
            rng = random.Random(f"{seed}/{name}")
            for number in range(each):
                probe = CLASSES[name](rng)
                status = await wire.send(probe)
                counts[name] += 1
                refused = (status is None and probe.closes) or 400 <= (status or 0) < 500
                if not refused:
                    wrong.append(f"{name} #{number}: {status} for {probe.encoded()[:600]!r}")
                    break
            status = await wire.send(_good(counts[name]))
            if status != 202:
                wrong.append(f"after {name}: a good request got {status}")
        wire.close()

    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    assert wrong == [], f"REFOLD_SEED={seed}\n" + "\n".join(wrong)
    assert sum(counts.values()) >= INPUTS - OVER_NATS
    assert refold.process.poll() is None


async def test_every_malformed_message_of_nats_becomes_a_dead_letter(refold, seed, eventually):
    namespace = f"mal-{uuid.uuid4().hex[:8]}"
    rng = random.Random(f"{seed}/nats")
    client = await nats.connect(refold.nats)
    try:
        stream = client.jetstream()
        for _ in range(OVER_NATS):
            probe = over_nats(rng, namespace)
            await stream.publish_async(probe.subject, probe.body, headers=dict(probe.headers))
        await stream.publish_async_completed()
        good = _good(1)
        await stream.publish(f"cloudevents.in.{namespace}.x", good.body, headers=dict(good.headers))
    finally:
        await client.close()

    def letters() -> list[dict]:
        found, cursor = [], ""
        while cursor is not None:
            suffix = f"&cursor={cursor}" if cursor else ""
            path = f"/events/dead-letters?limit=1000{suffix}"
            page = refold.ask("GET", path, namespace=namespace).json
            found += page["items"]
            cursor = page["next"]
        return found if len(found) >= OVER_NATS else []

    found = await asyncio.to_thread(eventually, letters)
    assert len(found) == OVER_NATS, f"REFOLD_SEED={seed}"
    assert all(one["code"].startswith("cloudevent.") and one["reason"] for one in found)
    stored = await asyncio.to_thread(
        eventually, lambda: refold.ask("GET", "/events", namespace=namespace).json["items"]
    )
    assert [one["event"]["type"] for one in stored] == ["good"]
