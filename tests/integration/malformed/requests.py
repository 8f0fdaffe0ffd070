"""Requests to the API that must be refused: bodies, headers, paths, queries, raw HTTP."""

import json
import random

from tests.integration.malformed.probe import ROOT, Probe, control, family, malformed, noise, word

JSON = ("Content-Type", "application/json")
EXECUTION = ROOT + "/executions/ex_00000000000000000000000000"


def _one_of(rng, before, texts, after):
    """One of the texts in its surroundings."""
    return before + rng.choice(texts) + after


def _start(body, *headers):
    body = body.encode("utf-8", "surrogateescape") if isinstance(body, str) else body
    return Probe(headers=[JSON, *headers], body=body)


BODIES = {
    "cut": lambda rng: '{"workflow": "x", "input": [1, 2, {"a": null}]}'[: rng.randint(0, 46)],
    "duplicate member": lambda rng: f'{{"workflow": "a", "workflow": "{word(rng)}"}}',
    "NaN": lambda rng: (
        f'{{"workflow": "a", "input": {rng.choice(["NaN", "Infinity", "-Infinity"])}}}'
    ),
    "too deep": lambda rng: '{"workflow": "a", "input": ' + "[" * rng.randint(65, 9000),
    "not UTF-8": lambda rng: noise(rng, 20),
    "lone surrogate": lambda rng: f'{{"workflow": "\\udc{rng.randrange(256):02x}"}}',
    "a number too long": lambda rng: (
        '{"workflow": "a", "input": ' + "7" * rng.randint(1001, 6000) + "}"
    ),
    "an infinite number": lambda rng: f'{{"workflow": "a", "input": 1e{rng.randint(400, 999)}}}',
    "a list": lambda rng: json.dumps([word(rng)]),
    "a scalar": lambda rng: rng.choice(["1", "null", "true", '"x"']),
    "no workflow": lambda rng: json.dumps({"input": word(rng)}),
    "an unknown member": lambda rng: json.dumps({"workflow": "a", word(rng) + "x": 1}),
    "a workflow of a wrong type": lambda rng: json.dumps(
        {"workflow": rng.choice([1, None, [], {}, True])}
    ),
    "a version of a wrong type": lambda rng: json.dumps(
        {"workflow": "a", "version": rng.choice([1, 1.5, [], {}])}
    ),
    "a control character in the name": lambda rng: json.dumps(
        {"workflow": "a", "name": word(rng) + control(rng)}
    ),
    "a NUL in the workflow": lambda rng: json.dumps({"workflow": word(rng) + "\0"}),
    "an empty name": lambda rng: json.dumps({"workflow": "a", "name": ""}),
    "a name too long": lambda rng: json.dumps(
        {"workflow": "a", "name": "n" * rng.randint(257, 900)}
    ),
    "an unknown workflow": lambda rng: json.dumps({"workflow": "nobody-" + word(rng)}),
    "single quotes": lambda rng: f"{{'workflow': '{word(rng)}'}}",
    "a trailing comma": lambda rng: f'{{"workflow": "{word(rng)}",}}',
}
family(BODIES, "start:", lambda rng, name: _start(BODIES[name](rng)))

PATHS = {
    "bad execution id": lambda rng: _one_of(
        rng,
        f"{ROOT}/executions/",
        ["x", "ex_", "ex_u", "ev_0", "%00", "ex_" + word(rng, 26), "ex_" + "z" * 26],
        "",
    ),
    "unknown execution": lambda rng: (
        f"{ROOT}/executions/ex_0{rng.randrange(10**8):08d}00000000000000000"
    ),
    "bad namespace": lambda rng: _one_of(
        rng,
        "/v1/namespaces/",
        ["A", "a_b", "-a", "%00", "%ff", "a" * 64, "..", "ä"],
        "/executions",
    ),
    "unknown path": lambda rng: rng.choice(
        [
            "/",
            "/v2/",
            "/v1/",
            "/v1/namespaces/",
            "//",
            "/" + word(rng),
            f"{ROOT}/{word(rng)}",
            "/metrics/../x",
            f"{ROOT}/executions/%2e%2e",
        ]
    ),
    "unknown definition": lambda rng: _one_of(
        rng, f"{ROOT}/definitions/{word(rng)}", ["", "/1", "/graph", "/%00", "/1/graph"], ""
    ),
    "unknown query": lambda rng: f"{ROOT}/executions?{word(rng)}x=1",
    "repeated query": lambda rng: f"{ROOT}/executions?limit=1&limit={rng.randrange(1, 9)}",
    "bad limit": lambda rng: _one_of(
        rng, f"{ROOT}/executions?limit=", ["0", "-1", "1001", "x", "", "1e3", "9" * 30, "%31%"], ""
    ),
    "bad cursor": lambda rng: _one_of(
        rng, f"{ROOT}/executions?cursor=", ["!", "%00", word(rng), "=", "AA=="], ""
    ),
    "bad event cursor": lambda rng: _one_of(
        rng, f"{ROOT}/events?cursor=", ["!", "%00", word(rng), "=", "LTE"], ""
    ),
    "bad status": lambda rng: f"{ROOT}/executions?status={word(rng)}",
    "bad time": lambda rng: _one_of(
        rng,
        f"{ROOT}/executions?started_after=",
        ["x", "2026", "2026-13-01T00:00:00Z", "0000-00-00T00:00:00Z", ""],
        "",
    ),
    "bad moment": lambda rng: _one_of(
        rng,
        f"{EXECUTION}/state?at=",
        ["-1", "x", "1.5", "9" * 30, "2026-99-01T00:00:00Z", "%00"],
        "",
    ),
    "bad head": lambda rng: _one_of(
        rng,
        f"{EXECUTION}/verify?head=",
        ["x", "1.2", "0.0." + "0" * 64, "0.1.xyz", "9.1." + "a" * 64, "%00"],
        "",
    ),
    "bad after": lambda rng: _one_of(
        rng, f"{EXECUTION}/events?after=", ["-1", "x", "9" * 20, "1.5"], ""
    ),
    "NUL in a filter": lambda rng: f"{ROOT}/executions?workflow=%00{word(rng)}",
    "surrogate in a filter": lambda rng: f"{ROOT}/events?type=%ed%a0%80{word(rng)}%00",
    "unknown problem": lambda rng: f"/errors/{word(rng)}",
}
family(PATHS, "path:", lambda rng, name: Probe("GET", PATHS[name](rng)))

HEADERS = {
    "long idempotency key": lambda rng: ("Idempotency-Key", "k" * rng.randint(256, 900)),
    "idempotency key of other letters": lambda rng: ("Idempotency-Key", "ä" + word(rng)),
    "bad wait": lambda rng: ("Prefer", _one_of(rng, "wait=", ["x", "-1", "1.5", "", "9" * 9], "")),
    "compressed": lambda rng: ("Content-Encoding", rng.choice(["gzip", "br", "deflate", "x"])),
    "other media type": lambda rng: ("Content-Type", "text/plain"),
}


def _with_header(rng, name):
    header = HEADERS[name](rng)
    probe = _start(json.dumps({"workflow": "nobody"}))
    probe.headers = [one for one in probe.headers if one[0] != header[0]] + [header]
    return probe


family(HEADERS, "header:", _with_header)


@malformed("host: not this machine")
def foreign_host(rng: random.Random) -> Probe:
    raw = f"GET {ROOT}/executions HTTP/1.1\r\nHost: {word(rng)}.example\r\n\r\n"
    return Probe(raw=raw.encode())


@malformed("method: not of this path")
def wrong_method(rng: random.Random) -> Probe:
    return Probe(rng.choice(["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"]))


@malformed("callback: a token that nobody gave out")
def bad_token(rng: random.Random) -> Probe:
    text = rng.choice([word(rng), "cb_", "cb_" + rng.randbytes(40).hex(), "cb_" + "g" * 80, "%00"])
    return Probe(path=f"{ROOT}/callbacks/{text}", headers=[JSON], body=b"{}")


@malformed("cancel: a bad body")
def bad_cancel(rng: random.Random) -> Probe:
    body = rng.choice([b"{", b"[]", b'{"reason": 1}', b'{"why": ""}', b'{"reason": "\\ud800"}'])
    return Probe(path=f"{EXECUTION}/cancel", headers=[JSON], body=body)


_EVENT_HEAD = f"POST {ROOT}/events HTTP/1.1\r\nHost: localhost\r\n".encode()
RAW = {
    "no method": lambda rng: f"{word(rng)}\r\n\r\n".encode(),
    "noise": lambda rng: rng.randbytes(60) + b"\r\n\r\n",
    "another protocol": lambda rng: b"GET / FTP/1.0\r\n\r\n",
    "a header without colon": lambda rng: f"GET /healthz HTTP/1.1\r\n{word(rng)}\r\n\r\n".encode(),
    "a header name with a blank": lambda rng: b"GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n",
    "a header too long": lambda rng: b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
    "too many headers": lambda rng: b"GET /healthz HTTP/1.1\r\n" + b"X: y\r\n" * 400 + b"\r\n",
    "a path too long": lambda rng: b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n",
    "a negative length": lambda rng: (
        b"POST / HTTP/1.1\r\nContent-Length: -%d\r\n\r\n" % rng.randint(1, 99)
    ),
    "two lengths": lambda rng: (
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"
    ),
    "a length and chunks": lambda rng: (
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "a bad chunk": lambda rng: (
        _EVENT_HEAD + f"Transfer-Encoding: chunked\r\n\r\nzz\r\n{word(rng)}\r\n".encode()
    ),
    "an unknown transfer encoding": lambda rng: (
        b"POST / HTTP/1.1\r\nTransfer-Encoding: %s\r\n\r\n" % word(rng).encode()
    ),
    "an unknown expectation": lambda rng: (
        _EVENT_HEAD + f"Expect: {word(rng)}\r\nContent-Length: 0\r\n\r\n".encode()
    ),
}
family(RAW, "http:", lambda rng, name: Probe(raw=RAW[name](rng), closes=True))
