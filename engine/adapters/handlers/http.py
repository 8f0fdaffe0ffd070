"""Handler `http`: an operation METHOD:URL, without a document that describes it."""

import msgspec

from engine.adapters.handlers.http_client import HttpClient
from engine.adapters.handlers.http_request import call_headers, request_of
from engine.adapters.handlers.refusal import CallRefused
from engine.ports.world import Answered, Call, Failed


class HttpHandler:
    """Runs calls over HTTP. `public_url`: where this installation is reached from outside, for
    the header Refold-Callback; None leaves that header out."""

    def __init__(self, client: HttpClient, public_url: str | None = None) -> None:
        self._client = client
        self._public_url = public_url

    async def run(self, call: Call) -> Answered | Failed:
        """Send the request and wait for its answer."""
        try:
            request = request_of(call)
        except CallRefused as refusal:
            return refusal.answer
        headers = request.headers + call_headers(call, self._public_url)
        return await self._client.send(msgspec.structs.replace(request, headers=headers))
