"""Handler `http` against a real service: what is sent, what comes back, what goes wrong."""

import asyncio
import resource
import socket

import pytest

from engine.adapters.handlers.http import HttpHandler
from engine.ports.world import Answered, Failed
from schemas import json_text


async def test_get_fills_the_path_and_sends_the_rest_as_query(client, service, call):
    handler = HttpHandler(client)
    arguments = {"id": "a/b c", "tag": ["x", "y&z"], "full": True, "none": None}
    answer = await handler.run(call(f"GET:{service.url}/orders/{{id}}", arguments))
    assert isinstance(answer, Answered)
    assert answer.result["method"] == "GET"
    assert answer.result["path"] == "/orders/a%2Fb%20c"
    assert answer.result["query"] == [["tag", "x"], ["tag", "y&z"], ["full", "true"]]
    assert answer.result["body"] == ""


async def test_post_sends_arguments_as_json_with_numbers_as_written(client, service, call):
    arguments = json_text.loads(b'{"n":12345678901234567890123,"price":1.10}')
    answer = await HttpHandler(client).run(call(f"post:{service.url}/orders", arguments))
    assert answer.result["body"] == '{"n":12345678901234567890123,"price":1.10}'
    assert answer.result["headers"]["content-type"] == "application/json"


async def test_groups_of_arguments_set_headers_query_path_and_body(client, service, call):
    arguments = {
        "path": {"id": 7},
        "query": {"dry": "yes"},
        "headers": {"X-Team": "blue"},
        "body": [1, 2],
    }
    answer = await HttpHandler(client).run(call(f"PUT:{service.url}/orders/{{id}}", arguments))
    assert answer.result["path"] == "/orders/7"
    assert answer.result["query"] == [["dry", "yes"]]
    assert answer.result["headers"]["x-team"] == "blue"
    assert answer.result["body"] == "[1,2]"


async def test_a_member_named_query_that_is_no_object_is_plain_data(client, service, call):
    answer = await HttpHandler(client).run(call(f"POST:{service.url}/find", {"query": "SELECT"}))
    assert answer.result["body"] == '{"query":"SELECT"}'


async def test_every_request_says_who_asks_and_how_to_answer(client, service, call):
    handler = HttpHandler(client, "https://refold.example/")
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    one = call(f"GET:{service.url}/x", None, attempt=3, callback_token="cb_1", traceparent=trace)
    headers = (await handler.run(one)).result["headers"]
    assert headers["idempotency-key"] == "ex_1:2:n3"
    assert headers["refold-execution"].startswith("ex_")
    assert headers["refold-attempt"] == "3"
    assert headers["traceparent"] == trace
    assert headers["refold-callback-token"] == "cb_1"
    wanted = "https://refold.example/v1/namespaces/default/callbacks/cb_1"
    assert headers["refold-callback"] == wanted


@pytest.mark.parametrize("status", [400, 404, 409, 429, 500, 503])
async def test_a_bad_status_is_an_error_with_its_aliases(client, service, call, status):
    answer = await HttpHandler(client).run(call(f"GET:{service.url}/status/{status}"))
    assert isinstance(answer, Failed)
    family = f"{status // 100}xx"
    assert answer.error.code == "http.status"
    assert answer.error.status == status
    assert answer.error.aliases == (
        str(status), f"http.{status}", family, f"http.{family}", "http",
    )  # fmt: skip
    assert answer.error.detail == {"body": {"reason": "made"}, "retryAfter": "7"}


@pytest.mark.parametrize(
    ("body", "kind", "value"),
    [
        (b'{"a":[1.50]}', "application/vnd.shop+json; charset=utf-8", {"a": [1.5]}),
        (b"plain", "text/plain", "plain"),
        ("größe".encode("latin-1"), "text/plain; charset=iso-8859-1", "größe"),
        (b'{"a":1}', "application/octet-stream", '{"a":1}'),
        (b"\xff\xfe\x00", "application/octet-stream", "//4A"),
        (b"", "application/json", None),
    ],
)
async def test_the_value_follows_the_content_type(client, service, call, body, kind, value):
    arguments = {"hex": body.hex(), "type": kind}
    answer = await HttpHandler(client).run(call(f"GET:{service.url}/raw", arguments))
    assert answer == Answered(value)


async def test_no_content_is_null(client, service, call):
    assert await HttpHandler(client).run(call(f"GET:{service.url}/empty")) == Answered(None)


@pytest.mark.parametrize(
    "body", [b"{", b'{"a":NaN}', b"[" * 100 + b"]" * 100, b'"\xff"', b'"\\ud800"']
)
async def test_json_that_data_cannot_hold_is_an_error(client, service, call, body):
    arguments = {"hex": body.hex(), "type": "application/json"}
    answer = await HttpHandler(client).run(call(f"GET:{service.url}/raw", arguments))
    assert isinstance(answer, Failed)
    assert answer.error.code == "http.bad_json"


async def test_the_encodings_asked_for_are_ours_to_choose(client, service, call):
    arguments = {"headers": {"Accept-Encoding": "br"}}
    answer = await HttpHandler(client).run(call(f"GET:{service.url}/zipped", arguments))
    assert answer.error.code == "http.bad_argument"


async def test_a_compressed_answer_is_undone(client, service, call):
    answer = await HttpHandler(client).run(call(f"GET:{service.url}/zipped"))
    assert answer == Answered({"zipped": True})


@pytest.mark.parametrize("path", ["huge", "bomb"])
async def test_a_large_answer_is_stopped_at_the_limit(client, service, call, path):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = await HttpHandler(client).run(call(f"GET:{service.url}/{path}"))
    assert answer.error.code == "data.too_large"
    if path == "huge":
        grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown_kib < 64 * 1024


async def test_a_large_request_is_refused_before_it_is_sent(client, service, call):
    answer = await HttpHandler(client).run(call(f"POST:{service.url}/x", {"a": "x" * 1_100_000}))
    assert answer.error.code == "data.too_large"
    assert service.requests == []


@pytest.mark.parametrize("path", ["cut", "cut-gzip"])
async def test_an_answer_that_breaks_off_is_a_connection_error(client, service, call, path):
    answer = await HttpHandler(client).run(call(f"GET:{service.url}/{path}"))
    assert answer.error.code == "connection"
    assert answer.error.aliases == ("http.connection", "unavailable")


async def test_a_refused_connection_is_a_connection_error(client, call):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    answer = await HttpHandler(client).run(call(f"GET:http://127.0.0.1:{port}/"))
    assert answer.error.code == "connection"
    assert "unavailable" in answer.error.aliases


async def test_a_slow_call_can_be_cancelled_and_the_next_works(client, service, call):
    handler = HttpHandler(client)
    task = asyncio.create_task(handler.run(call(f"GET:{service.url}/slow")))
    while not service.requests:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert isinstance(await handler.run(call(f"GET:{service.url}/next")), Answered)


@pytest.mark.parametrize(
    ("operation", "arguments", "code"),
    [
        ("GET /x", None, "http.bad_operation"),
        ("FETCH:http://example.com/", None, "http.bad_operation"),
        ("GET:ftp://example.com/", None, "http.bad_operation"),
        ("GET:http://user:secret@example.com/", None, "http.bad_operation"),
        ("GET:http://example.com/{id}", {}, "http.missing_argument"),
        ("GET:http://example.com/{id}", {"id": ".."}, "http.bad_argument"),
        ("GET:http://example.com/{id}", {"id": {"a": 1}}, "http.bad_argument"),
        ("GET:http://{host}/", {"host": "a@b"}, "http.bad_argument"),
        ("GET:http://example.com/", [1], "http.bad_argument"),
        ("GET:http://example.com/", {"headers": {"Host": "evil"}}, "http.bad_argument"),
        ("GET:http://example.com/", {"headers": {"X": "a\r\nY: b"}}, "http.bad_argument"),
        ("GET:http://example.com/", {"headers": {"Refold-Attempt": "9"}}, "http.bad_argument"),
        ("GET:http://example.com/", {"q": "x" * 9_000}, "data.too_large"),
    ],
)
async def test_what_cannot_be_sent_is_refused_with_its_code(
    client, call, operation, arguments, code
):
    answer = await HttpHandler(client).run(call(operation, arguments))
    assert isinstance(answer, Failed)
    assert answer.error.code == code


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"not http at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://[broken\r\n\r\n",
        b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
    ],
)
async def test_no_error_tells_the_arguments_which_may_be_secrets(client, call, answer):
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        arguments = {"id": "CANARY-1", "token": "CANARY-2"}
        operation = f"GET:http://127.0.0.1:{port}/{{id}}/x"
        outcome = await HttpHandler(client).run(call(operation, arguments))
        assert isinstance(outcome, Failed)
        assert outcome.error.code in ("connection", "http.redirects", "http.status")
        assert "CANARY" not in repr(outcome)
    finally:
        server.close()
        await server.wait_closed()


async def test_a_url_that_cannot_be_is_refused_without_telling_it(client, call):
    arguments = {"host": "a..b", "token": "CANARY"}
    outcome = await HttpHandler(client).run(call("GET:http://{host}:99999/", arguments))
    assert outcome.error.code in ("http.bad_operation", "connection")
    assert "CANARY" not in repr(outcome)
