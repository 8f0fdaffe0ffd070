"""A client as the documentation asks for: it tries again, with the same key, until answered."""

import asyncio
import json
import random
import time
from contextlib import suppress
from typing import Any

import aiohttp
import nats
import nats.errors
from nats.js.errors import Error as JetStreamError

from tests.crash.journal import Journal, Published, Start

_ATTEMPT_S = 5.0
_CONTENT_TYPE = "application/cloudevents+json"


class GaveUp(Exception):
    """Not answered within the client's own deadline."""


class Client:
    """Speaks HTTP and NATS, and notes what it was told."""

    def __init__(self, api: str, nats_url: str, journal: Journal, deadline_s: float = 60.0) -> None:
        self._base = f"{api}/v1/namespaces/default"
        self._nats_url = nats_url
        self._journal = journal
        self._deadline_s = deadline_s
        self._chance = random.Random("client")
        self._session: aiohttp.ClientSession | None = None
        self._nats: nats.NATS | None = None

    async def open(self) -> None:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_ATTEMPT_S))
        self._nats = await nats.connect(
            self._nats_url, max_reconnect_attempts=-1, reconnect_time_wait=0.1, ping_interval=2,
            error_cb=_ignored,
        )  # fmt: skip

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
        if self._nats is not None:
            with suppress(nats.errors.Error, OSError, TimeoutError):
                await self._nats.close()

    async def apply(self, source: bytes) -> None:
        """Store and activate a definition."""
        await self._post("/definitions", source, {"Content-Type": "application/yaml"})

    async def start(self, key: str, workflow: str, op: str, input_: dict[str, Any]) -> str:
        """Start an execution; its id."""
        record = self._journal.starts.setdefault(key, Start(key, workflow, op))
        body = json.dumps({"workflow": workflow, "input": input_}).encode()
        answer = await self._post(
            "/executions", body, {"Content-Type": "application/json", "Idempotency-Key": key}
        )
        record.execution = record.execution or answer["id"]
        record.ids.add(answer["id"])
        return str(answer["id"])

    async def look(self, execution: str) -> None:
        """Read it; an execution that was accepted is there for ever after."""
        assert self._session is not None
        with suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with self._session.get(f"{self._base}/executions/{execution}") as response:
                answer = await response.json()
                if response.status != 503 and (response.status, answer.get("id")) != (
                    200,
                    execution,
                ):
                    self._journal.unseen.append(f"{execution}: {response.status} {answer}")

    async def cancel(self, execution: str, op: str) -> None:
        """Ask to cancel it; that it has ended is an answer too."""
        self._journal.cancelled.add(op)
        headers = {"Content-Type": "application/json"}
        await self._post(f"/executions/{execution}/cancel", b"{}", headers, also=(409,))

    async def answer(self, token: str, value: Any) -> None:
        """Answer a callback; that its state was left means that it was answered before."""
        body = json.dumps(value).encode()
        headers = {"Content-Type": "application/json"}
        await self._post(f"/callbacks/{token}", body, headers, also=(409,))

    async def publish(self, event_id: str, type_: str, op: str, via: str) -> None:
        """Publish a CloudEvent until it is acknowledged."""
        record = self._journal.events.setdefault(event_id, Published(event_id, type_, op, via))
        event = {
            "specversion": "1.0", "id": event_id, "source": "/chaos", "type": type_, "opid": op,
            "datacontenttype": "application/json", "data": {"op": op},
        }  # fmt: skip
        body = json.dumps(event).encode()
        if via == "http":
            answer = await self._post("/events", body, {"Content-Type": _CONTENT_TYPE})
            assert answer["receipts"][0]["outcome"] in ("stored", "duplicate"), answer
        else:
            await self._publish_nats(body)
        record.acked, record.at = True, time.time()

    async def _post(
        self, path: str, body: bytes, headers: dict[str, str], also: tuple[int, ...] = ()
    ) -> Any:
        """The answer of the first attempt that is answered; 5xx and 429 are tried again."""
        assert self._session is not None
        until = time.monotonic() + self._deadline_s
        told = "nothing was answered"
        while time.monotonic() < until:
            try:
                async with self._session.post(
                    self._base + path, data=body, headers=headers
                ) as response:
                    answer = await response.json()
                    if response.status < 300 or response.status in also:
                        return answer
                    told = f"{response.status} {answer}"
                    assert response.status in (429, 500, 502, 503, 504), f"{path}: {told}"
                    if response.status == 500:
                        self._journal.failures.append(f"{path}: {told}")
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                told = repr(error)
            await asyncio.sleep(self._chance.uniform(0.05, 0.4))
        raise GaveUp(f"{path}: {told}")

    async def _publish_nats(self, body: bytes) -> None:
        assert self._nats is not None
        until = time.monotonic() + self._deadline_s
        told = ""
        while time.monotonic() < until:
            try:
                await self._nats.jetstream(timeout=2).publish(
                    "cloudevents.in.default.chaos", body, headers={"Content-Type": _CONTENT_TYPE}
                )
            except (nats.errors.Error, JetStreamError, TimeoutError, OSError) as error:
                told = repr(error)
            else:
                return
            await asyncio.sleep(self._chance.uniform(0.05, 0.4))
        raise GaveUp(f"NATS: {told}")


async def _ignored(_error: Exception) -> None:
    """Outages are what this is about."""
