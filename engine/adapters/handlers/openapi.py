"""Handler `openapi`: an operation URI#operationId of a document that the definition names."""

import msgspec

from engine.adapters.handlers.http_client import HttpClient
from engine.adapters.handlers.http_request import HttpRequest, call_headers
from engine.adapters.handlers.openapi_document import DocumentCache
from engine.adapters.handlers.openapi_request import openapi_request
from engine.adapters.handlers.refusal import CallRefused, refused
from engine.ports.world import Answered, Call, Failed


class OpenApiHandler:
    """Runs calls described by OpenAPI 2.0 or 3.x documents. Documents come with the definition;
    none is fetched."""

    def __init__(self, client: HttpClient, public_url: str | None = None) -> None:
        self._client = client
        self._public_url = public_url
        self._documents = DocumentCache()

    async def run(self, call: Call) -> Answered | Failed:
        """Build the request from the document, send it and wait for its answer."""
        try:
            request = await self._request(call)
        except CallRefused as refusal:
            return refusal.answer
        headers = request.headers + call_headers(call, self._public_url)
        return await self._client.send(msgspec.structs.replace(request, headers=headers))

    async def _request(self, call: Call) -> HttpRequest:
        uri, _, operation_id = call.operation.rpartition("#")
        if not uri or not operation_id:
            raise refused(
                "openapi.bad_operation",
                f"{call.operation[:200]!r} is no operation of the form URI#operationId.",
            )
        content = call.resources.get(uri)
        if content is None:
            raise refused(
                "openapi.no_document",
                f"The document {uri[:200]} is not stored with the definition; apply it again with "
                f"--resource {uri[:200]}=FILE.",
            )
        document = await self._documents.get(uri, content)
        operation = document.operation(operation_id)
        return openapi_request(document, uri, operation, call.arguments, call.operation[:300])
