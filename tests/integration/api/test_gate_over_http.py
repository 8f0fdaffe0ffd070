"""What every route does alike: methods, bodies, queries, keys, hosts, slow clients."""

import hashlib
import http.client
import json
import re
import socket
import time
from urllib.parse import urlsplit

import pytest
from openapi_spec_validator import validate

from server.api.door.catalogue import PROBLEMS
from server.api.routes import ROUTES
from tests.integration.conftest import end, launch

KEYED = [route for route in ROUTES if route.key]


def _filled(path):
    fill = {
        "namespace": "default",
        "execution": "ex_00000000000000000000000000",
        "code": "internal",
    }
    return re.sub(r"{(\w+)}", lambda found: fill.get(found[1], "x"), path)


def test_the_openapi_document_is_valid_and_has_every_route(refold):
    document = refold.ask("GET", "/openapi.json", namespace=None).json
    validate(document)
    told = {(method.upper(), path) for path, one in document["paths"].items() for method in one}
    assert told == {(route.method, route.path) for route in ROUTES}
    assert document["openapi"].startswith("3.1")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_a_wrong_method_is_405_and_names_the_right_one(refold, route):
    reply = refold.ask("PATCH", _filled(route.path), namespace=None)
    assert (reply.status, reply.json["code"]) == (405, "method.not_allowed")
    assert route.method in reply.headers["allow"]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_an_unknown_query_parameter_is_refused(refold, route):
    body = b"{}" if route.method == "POST" else None
    reply = refold.ask(route.method, _filled(route.path) + "?surprise=1", body, namespace=None)
    assert (reply.status, reply.json["code"]) == (400, "query.unknown")


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.method == "POST"], ids=lambda route: route.name
)
def test_compressed_and_oversize_bodies_are_refused(refold, route):
    path = _filled(route.path)
    packed = refold.ask("POST", path, b"\x1f\x8b", {"Content-Encoding": "gzip"}, namespace=None)
    assert (packed.status, packed.json["code"]) == (415, "body.encoded")
    if "callbacks" not in path and route.name != "importExecution":  # bundles may be larger
        headers = {"Content-Type": next(iter(route.body)).replace("*/*", "application/json")}
        reply = refold.ask("POST", path, b" " * 4_200_000, headers, namespace=None)
        assert (reply.status, reply.json["code"]) == (413, "body.too_large")


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/namespaces/default", "/v1/namespaces/a/b/c/d",
    "/healthz/", "/v1/namespaces/default/executions/%2e%2e/metrics", "//metrics"])  # fmt: skip
def test_an_unknown_path_is_404_with_a_problem(refold, path):
    reply = refold.ask("GET", path, namespace=None)
    assert reply.status == 404
    assert reply.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("name", ["UPPER", "a_b", "-a", "a-", "%00", "a" * 64, "%C3%A4"])
def test_a_malformed_namespace_is_refused(refold, name):
    reply = refold.ask("GET", "/executions", namespace=name)
    assert (reply.status, reply.json["code"]) == (400, "namespace.malformed")


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=-1", "limit=",
    "limit=1&limit=2", "cursor=%00", "cursor=!!!", "cursor=AAAA", "status=sleeping",
    "started_after=yesterday", "started_before=2026-99-99T00:00:00Z", "workflow=%00"])  # fmt: skip
def test_a_bad_query_value_is_refused(refold, query):
    reply = refold.ask("GET", f"/executions?{query}")
    assert (reply.status, reply.json["code"]) == (400, "query.invalid"), reply.body


@pytest.mark.parametrize(
    ("body", "line"),
    [(b"{", 1), (b'{"a":1,\n"a":2}', None), (b'{"a":\nNaN}', None), (b"[" * 100, None),
     (b'{"workflow": "\xff"}', None), (b"", 1), (b'{"a": 1} x', 1), (b'{"a": "\\ud800"}', None)],
)  # fmt: skip
def test_json_is_read_strictly(refold, body, line):
    reply = refold.ask("POST", "/executions", body, {"Content-Type": "application/json"})
    assert (reply.status, reply.json["code"]) == (400, "body.malformed"), reply.body
    if line is not None:
        assert reply.json["errors"][0]["line"] == line


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/xml", "application/json; charset=utf-16"]
)
def test_a_media_type_that_is_not_taken_is_415(refold, kind):
    headers = {"Content-Type": kind} if kind else {}
    assert refold.ask("POST", "/executions", b"{}", headers).status == 415


@pytest.mark.parametrize("name", ["Idempotency-Key", "Prefer"])
def test_bad_headers_are_refused(refold, greet, name):
    value = {"Idempotency-Key": "x" * 256, "Prefer": "wait=soon"}[name]
    reply = refold.ask("POST", "/executions", {"workflow": greet}, {name: value})
    assert (reply.status, reply.json["code"]) == (400, "header.invalid")


def test_every_problem_has_its_page(refold):
    for code, kind in PROBLEMS.items():
        page = refold.ask("GET", f"/errors/{code}", namespace=None)
        assert page.status == 200
        assert kind.title.encode() in page.body.replace(b"&#x27;", b"'")
    assert refold.ask("GET", "/errors/<script>", namespace=None).status == 404


def test_health_readiness_and_metrics(refold, eventually):
    assert refold.ask("GET", "/healthz", namespace=None).json["status"] == "ok"
    ready = refold.ask("GET", "/readyz", namespace=None).json
    assert ready["checks"] == {"postgres": "ok", "nats": "ok"}
    metrics = refold.ask("GET", "/metrics", namespace=None)
    assert b'refold_http_request_seconds_count{route="getHealth",status="200"}' in metrics.body
    every = b"refold_engine_owned_shards 64.0"
    eventually(lambda: every in refold.ask("GET", "/metrics", namespace=None).body)


def test_without_keys_a_name_that_is_not_loopback_is_refused(refold):
    reply = refold.ask("GET", "/executions", headers={"Host": "evil.example"})
    assert (reply.status, reply.json["code"]) == (403, "auth.host_refused")


def test_a_client_that_never_sends_its_headers_is_let_go(refold):
    parts = urlsplit(refold.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=40) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        began = time.monotonic()
        assert connection.recv(1) == b""
        assert time.monotonic() - began < 39


NOT_HTTP = {
    "NUL in a header": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: a\0b\r\n\r\n",
    "a header of 9,000 bytes": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: %b\r\n\r\n"
    % (b"x" * 9_000),
    "two lengths": b"POST /v1/namespaces/default/executions HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a bad chunk": b"POST /v1/namespaces/default/executions HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "no request": b"\x16\x03\x01\x02\0\x01\r\n\r\n",
}


@pytest.mark.parametrize("message", NOT_HTTP.values(), ids=NOT_HTTP)
def test_what_is_no_http_is_answered_as_a_problem(refold, message):
    parts = urlsplit(refold.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=40) as connection:
        connection.sendall(message)
        reply = http.client.HTTPResponse(connection)
        reply.begin()
        assert reply.status == 400
        assert reply.getheader("Content-Type") == "application/problem+json"
        assert json.loads(reply.read())["code"] == "request.malformed"
        assert connection.recv(1) == b"", "nothing else is taken from there"


def test_what_is_no_http_is_logged_in_lines_not_in_tracebacks(guarded, guarded_log):
    parts = urlsplit(guarded.url)
    for message in [*NOT_HTTP.values()] * 3:
        with socket.create_connection((parts.hostname, parts.port), timeout=40) as connection:
            connection.sendall(message)
            while connection.recv(4096):
                pass
    told = guarded_log.read_text()
    assert "not HTTP, from 127.0.0.1" in told
    assert told.count("not HTTP, from") < len(NOT_HTTP) * 3
    assert "Traceback" not in told


@pytest.fixture(scope="module")
def guarded_log(tmp_path_factory):
    return tmp_path_factory.mktemp("log") / "log"


@pytest.fixture(scope="module")
def guarded(refold, tmp_path_factory, guarded_log):
    """Another API server over the same services, with keys."""
    directory = tmp_path_factory.mktemp("keys")
    keys = directory / "keys"
    digest = hashlib.sha256(b"secret-of-alice").hexdigest()
    other = hashlib.sha256(b"secret-of-bob").hexdigest()
    keys.write_text(f"# who may ask\nalice:{digest}\nbob:{other}\n")
    server = launch(
        ["serve", "--role", "api", "--http", "127.0.0.1:0"], guarded_log,
        REFOLD_DATABASE_URL=refold.database, REFOLD_NATS_URL=refold.nats,
        REFOLD_API_KEYS_FILE=str(keys),
    )  # fmt: skip
    yield server
    assert end(server) == 0


BAD_CREDENTIALS = [
    None, "", "Bearer", "Bearer ", "Basic c2VjcmV0", "Bearer wrong", "Bearer secret-of-alice2",
    "secret-of-alice", "Bearer " + "x" * 600, "Bearer secret-of-alic", "Digest secret-of-alice",
    "Bearer secret-of-alice secret-of-alice", "Bearer null",
    "Bearer " + hashlib.sha256(b"secret-of-alice").hexdigest(),
]  # fmt: skip


@pytest.mark.parametrize("route", KEYED, ids=lambda route: route.name)
def test_every_route_that_needs_a_key_refuses_without_one(guarded, route):
    body = b"{}" if route.method == "POST" else None
    for credentials in BAD_CREDENTIALS:
        headers = {} if credentials is None else {"Authorization": credentials}
        reply = guarded.ask(route.method, _filled(route.path), body, headers, namespace=None)
        assert (reply.status, reply.json["code"]) == (401, "auth.required"), credentials
        assert reply.headers["www-authenticate"].startswith("Bearer")


def test_the_name_of_the_key_is_the_actor(guarded, greet):
    headers = {"Authorization": "Bearer secret-of-alice", "Prefer": "wait=20"}
    found = guarded.ask("POST", "/executions", {"workflow": greet}, headers)
    assert (found.status, found.json["status"]) == (201, "completed")
    path = f"/executions/{found.json['id']}/events"
    bob = {"Authorization": "bearer secret-of-bob"}
    assert guarded.ask("GET", path, headers=bob).json["items"][0]["actor"] == "key:alice"


def test_health_stays_open_and_metrics_does_not(guarded):
    assert guarded.ask("GET", "/healthz", namespace=None).status == 200
    assert guarded.ask("GET", "/openapi.json", namespace=None).status == 200
    assert guarded.ask("GET", "/metrics", namespace=None).status == 401


def test_the_same_key_gives_the_same_execution_from_another_node(refold, guarded, greet):
    headers = {"Idempotency-Key": "from-two-nodes"}
    first = refold.ask("POST", "/executions", {"workflow": greet, "input": 5}, headers)
    alice = {"Authorization": "Bearer secret-of-alice"}
    again = guarded.ask("POST", "/executions", {"workflow": greet, "input": 5}, headers | alice)
    assert again.status == 200
    assert json.loads(first.body)["id"] == json.loads(again.body)["id"]
