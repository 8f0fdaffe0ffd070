"""What the demo asks of the API, as anybody would with curl."""

import asyncio
from pathlib import Path
from typing import Any, Self

import aiohttp

NAMESPACE = "/v1/namespaces/default"


class Client:
    """HTTP to one server."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = aiohttp.ClientSession()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def ready(self, within_s: float = 60) -> None:
        """Wait until the server answers."""
        async with asyncio.timeout(within_s):
            while True:
                try:
                    async with self._session.get(f"{self._url}/readyz") as reply:
                        if reply.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)

    async def get(self, path: str, **query: Any) -> Any:
        """GET, decoded."""
        return await self._call("GET", path, params={k: str(v) for k, v in query.items()})

    async def post(self, path: str, body: Any = None) -> Any:
        """POST JSON, decoded."""
        return await self._call("POST", path, json=body)

    async def apply(self, definition: Path) -> Any:
        """Apply a definition."""
        return await self._call(
            "POST", "/definitions", data=definition.read_bytes(),
            headers={"Content-Type": "application/yaml"},
        )  # fmt: skip

    async def publish(self, kind: str, source: str, number: str, data: Any, **more: str) -> Any:
        """Publish a CloudEvent in structured form."""
        event = {
            "specversion": "1.0", "type": kind, "source": source, "id": number, "data": data, **more
        }  # fmt: skip
        headers = {"Content-Type": "application/cloudevents+json"}
        return await self._call("POST", "/events", json=event, headers=headers)

    async def _call(self, method: str, path: str, **more: Any) -> Any:
        async with self._session.request(method, self._url + NAMESPACE + path, **more) as reply:
            if reply.status >= 400:
                raise RuntimeError(f"{method} {path}: {reply.status} {await reply.text()}")
            return await reply.json(content_type=None)
