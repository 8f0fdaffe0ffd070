"""Executions that failed, and bulk requests about them."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

FAILS = """
id: {id}
version: "1"
specVersion: "0.8"
start: Prepare
functions:
  - {name: pay, type: custom, operation: "rest:POST:http://127.0.0.1:9/never"}
states:
  - {name: Prepare, type: inject, data: {prepared: true}, transition: Pay}
  - name: Pay
    type: operation
    actions: [{name: pay, functionRef: {refName: pay}}]
    end: true
"""
MENDED = FAILS.replace('version: "1"', 'version: "2"').replace(
    "  - {name: pay, type: custom, operation: \"rest:POST:http://127.0.0.1:9/never\"}",
    '  - {name: pay, type: expression, operation: "{paid: .n}"}',
)  # fmt: skip
JSON = {"Content-Type": "application/json"}


def apply(refold, text):
    reply = refold.ask("POST", "/definitions", text, {"Content-Type": "application/yaml"})
    assert reply.status in (200, 201), reply.json


def failed(refold, count, labels=None):
    """A workflow, and executions of it that all failed."""
    name = f"bulk-{uuid.uuid4().hex[:8]}"
    apply(refold, FAILS.replace("{id}", name))
    with ThreadPoolExecutor(8) as pool:
        began = pool.map(
            lambda n: refold.start(name, 20, input={"n": n}, labels=(labels or {})), range(count)
        )
        found = list(began)
    assert {one["status"] for one in found} == {"failed"}
    return name, [one["id"] for one in found]


def bulk(refold, verb, key=None, **members):
    """The lines of the answer."""
    headers = JSON if key is None else {**JSON, "Idempotency-Key": key}
    reply = refold.ask("POST", f"/executions/{verb}", json.dumps(members), headers)
    assert reply.status == 200, reply.json
    return [json.loads(line) for line in reply.body.splitlines()]


def made_by(refold, batch, eventually, count):
    """What the batch made, once the list has read it."""

    def listed():
        page = refold.ask("GET", f"/executions?batch={batch}&limit=1000").json["items"]
        ended = [one for one in page if one["status"] in ("completed", "failed")]
        return page if len(ended) >= count else None

    return eventually(listed)
