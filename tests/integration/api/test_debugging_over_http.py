"""Pause, resume, step and breakpoints: over HTTP, from the command line, and past kill -9."""

import json
import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from server.embedded.throwaway import open_to_enter
from tests.integration.conftest import NAP, end, launch

ORDERS = """
id: {id}
version: "1.0"
specVersion: "0.8"
name: orders
start: Price
functions:
- {name: total, type: expression, operation: '{total: (.price * .count)}'}
events:
- {name: paid, type: order.paid, source: '', correlation: [{contextAttributeName: order}]}
states:
- name: Price
  type: operation
  actions: [{functionRef: total}]
  transition: Pay
- name: Pay
  type: event
  onEvents: [{eventRefs: [paid], eventDataFilter: {toStateData: .payment}}]
  transition: Ship
- {name: Ship, type: inject, data: {shipped: true}, end: true}
"""
WAIT = {"Prefer": "wait=20"}


@pytest.fixture(scope="module")
def orders(refold):
    return refold.apply(ORDERS)


def stands(refold, ident, verb, **body):
    reply = refold.ask("POST", f"/executions/{ident}/{verb}", body, WAIT)
    assert reply.status == 200, reply.body
    return reply.json


def break_at(refold, workflow, state, **members):
    body = {"workflow": workflow, "state": state, **members}
    reply = refold.ask("POST", "/breakpoints", body)
    assert reply.status == 201, reply.body
    return reply.json


def held(refold, ident, eventually):
    def look():
        found = refold.ask("GET", f"/executions/{ident}").json
        return found if found["status"] == "suspended" else None

    return eventually(look)


def test_a_paused_execution_says_why_and_goes_on_when_it_is_resumed(refold, eventually):
    ident = refold.start(refold.apply(NAP.replace("{duration}", "PT1S")))["id"]
    found = stands(refold, ident, "pause", reason="to look")
    assert found["status"] == "suspended"
    assert found["suspension"]["cause"] == "paused"
    assert found["suspension"]["reason"] == "to look"
    assert found["suspension"]["actor"] == "anonymous"
    eventually(lambda: refold.ask("GET", f"/executions/{ident}").json["suspension"]["held"])
    shown = refold.ask("GET", f"/executions/{ident}").json["suspension"]["held"]
    assert [(one["next"], one["name"]) for one in shown] == [("leave", "Nap")]
    assert refold.ask("GET", f"/executions/{ident}/state").json["suspension"]["held"] == shown
    assert stands(refold, ident, "resume")["suspension"] is None
    done = refold.ask("GET", f"/executions/{ident}", headers=WAIT).json
    assert (done["status"], done["suspension"]) == ("completed", None)


def test_stepping_shows_where_it_stands_after_each(refold, orders, eventually):
    point = break_at(refold, orders, "Price", condition=".count > 1", reason="the large ones")
    small = refold.start(orders, input={"price": 7, "count": 1})["id"]
    ident = refold.start(orders, input={"price": 7, "count": 3})["id"]
    suspension = held(refold, ident, eventually)["suspension"]
    assert (suspension["breakpoint"], suspension["until"]) == (point["id"], point["expires_at"])
    eventually(lambda: refold.ask("GET", f"/executions/{small}").json["status"] == "waiting")
    stops = [stands(refold, ident, "step") for _ in range(3)]
    assert [one["suspension"] and one["suspension"]["held"][0]["name"] for one in stops] == [
        "total", "Pay", None,
    ]  # fmt: skip
    assert [one["states"] for one in stops] == [["Price"], [], ["Pay"]]
    assert stops[1]["data"] == {"price": 7, "count": 3, "total": 21}
    assert stops[2]["status"] == "waiting"
    assert refold.ask("DELETE", f"/breakpoints/{point['id']}").json["status"] == "removed"


def test_what_cannot_be_done_has_an_answer_of_its_own(refold, orders, greet, eventually):
    done = refold.start(greet, wait_s=20)["id"]
    ident = refold.start(orders, input={"price": 1, "count": 1})["id"]
    eventually(lambda: refold.ask("GET", f"/executions/{ident}").json["status"] == "waiting")
    nobody = "ex_" + "0" * 26

    def code(ident, verb):
        reply = refold.ask("POST", f"/executions/{ident}/{verb}")
        return reply.status, reply.json["code"]

    for verb in ("pause", "resume", "step"):
        assert code(done, verb) == (409, "execution.closed")
        assert code(nobody, verb) == (404, "not_found")
        assert code("ex_1", verb) == (404, "id.malformed")
    assert code(ident, "resume") == (409, "execution.not_suspended")
    assert code(ident, "step") == (409, "execution.not_suspended")
    assert stands(refold, ident, "pause")["suspension"]["held"] == []
    assert code(ident, "pause") == (409, "execution.suspended")
    assert refold.ask("POST", f"/executions/{ident}/cancel").status == 202


@pytest.mark.parametrize(
    ("members", "status", "code"),
    [
        ({"state": "Nowhere"}, 422, "breakpoint.invalid"),
        ({"condition": "oh("}, 422, "breakpoint.invalid"),
        ({"condition": "input"}, 422, "breakpoint.invalid"),
        ({"condition": "$SECRETS.KEY == 1"}, 422, "breakpoint.invalid"),
        ({"condition": "def f: nothing_of_that_name; f"}, 422, "breakpoint.invalid"),
        ({"workflow": "nobody-applied-this"}, 404, "not_found"),
        ({"version": "9"}, 404, "not_found"),
        ({"execution": "ex_1"}, 404, "id.malformed"),
        ({"execution": "ex_" + "0" * 26}, 404, "not_found"),
        ({"sample": 0}, 400, "body.invalid"),
        ({"sample": 1.5}, 400, "body.invalid"),
        ({"expires_s": 0}, 400, "body.invalid"),
        ({"expires_s": 10**9}, 400, "body.invalid"),
        ({"condition": "\u0000"}, 400, "body.invalid"),
        ({"unknown": 1}, 400, "body.invalid"),
    ],
)  # fmt: skip
def test_a_breakpoint_that_cannot_be_is_refused(refold, orders, members, status, code):
    body = {"workflow": orders, "state": "Pay", **members}
    reply = refold.ask("POST", "/breakpoints", body)
    assert (reply.status, reply.json["code"]) == (status, code)


def test_a_breakpoint_for_one_execution_is_of_its_workflow(refold, orders, greet, eventually):
    ident = refold.start(orders, input={"price": 1, "count": 1})["id"]
    eventually(lambda: refold.ask("GET", f"/executions/{ident}").json["status"] == "waiting")
    body = {"workflow": greet, "state": "Greet", "execution": ident}
    assert refold.ask("POST", "/breakpoints", body).json["code"] == "breakpoint.invalid"
    assert break_at(refold, orders, "Ship", execution=ident)["execution"] == ident
    assert refold.ask("POST", f"/executions/{ident}/cancel").status == 202


def test_breakpoints_are_listed_page_by_page_and_removed_again_without_harm(refold, orders):
    ids = [break_at(refold, orders, "Ship")["id"] for _ in range(3)][::-1]
    first = refold.ask("GET", "/breakpoints?limit=2").json
    rest = refold.ask("GET", f"/breakpoints?limit=50&cursor={first['next']}").json
    listed = [one["id"] for one in (*first["items"], *rest["items"])]
    assert listed[:3] == ids
    for _ in range(2):
        for ident in ids:
            assert refold.ask("DELETE", f"/breakpoints/{ident}").status == 200
    kept = refold.ask("GET", "/breakpoints?all=true").json["items"]
    assert {one["id"]: one["status"] for one in kept}[ids[0]] == "removed"
    nobody = refold.ask("DELETE", "/breakpoints/bp_" + "0" * 26)
    assert (nobody.status, nobody.json["code"]) == (404, "not_found")
    assert refold.ask("DELETE", "/breakpoints/what").json["code"] == "id.malformed"
    assert refold.ask("GET", "/breakpoints?cursor=x").json["code"] == "query.invalid"


def test_removing_with_release_lets_go_what_is_held(refold, orders, eventually):
    point = break_at(refold, orders, "Pay")
    ids = [refold.start(orders, input={"price": n, "count": 1})["id"] for n in range(2)]
    for ident in ids:
        held(refold, ident, eventually)
    rows = f"/executions?status=suspended&workflow={orders}"
    eventually(lambda: len(refold.ask("GET", rows).json["items"]) == 2)
    gone = refold.ask("DELETE", f"/breakpoints/{point['id']}?release=true").json
    assert (gone["released"], gone["hits"]) == (2, 2)
    for ident in ids:
        eventually(
            lambda ident=ident: (
                refold.ask("GET", f"/executions/{ident}").json["status"] == "waiting"
            )
        )


def test_what_was_held_a_moment_ago_is_let_go_too(refold, orders, eventually):
    point = break_at(refold, orders, "Pay")
    ids = [refold.start(orders, input={"price": n, "count": 1})["id"] for n in range(60)]
    assert refold.ask("DELETE", f"/breakpoints/{point['id']}?release=true").status == 200
    for ident in ids:
        eventually(
            lambda ident=ident: (
                refold.ask("GET", f"/executions/{ident}").json["status"] == "waiting"
            )
        )


def test_the_command_line_pauses_steps_and_breaks(refold, orders, eventually):
    done = refold.cli("break", "set", f"{orders}/Ship", "--if", ".total > 1", "--expires", "15m")
    assert done.status == 0, done.headers
    assert b"armed" in done.body
    point = refold.cli("break", "ls", "-o", "ids").body.decode().split()[0]
    ident = refold.start(orders, input={"price": 2, "count": 3})["id"]
    eventually(lambda: refold.ask("GET", f"/executions/{ident}").json["status"] == "waiting")
    assert b"suspended" in refold.cli("exec", "pause", ident, "--reason", "lunch").body
    again = refold.cli("exec", "pause", ident)
    assert (again.status, "execution.suspended" in again.headers["stderr"]) == (4, True)
    event = {"type": "order.paid", "source": "/t", "data": {"paid": 6}, "order": "1",
             "specversion": "1.0", "id": ident}  # fmt: skip
    headers = {"Content-Type": "application/cloudevents+json"}
    assert refold.ask("POST", "/events", json.dumps(event), headers).status in (200, 201, 202)
    eventually(lambda: refold.ask("GET", f"/executions/{ident}").json["suspension"]["held"])
    shown = refold.cli("exec", "get", ident).body.decode()
    assert "paused by anonymous" in shown
    assert "leave Pay" in shown
    assert f"at breakpoint {point}" in refold.cli("exec", "continue", ident).body.decode()
    stepped = json.loads(refold.cli("exec", "step", ident, "-o", "json").body)
    assert (stepped["status"], stepped["data"]["shipped"]) == ("completed", True)
    assert refold.cli("break", "rm", point, "--release").status == 0
    for arguments in (("break", "set", "orders"), ("break", "set", "a/b", "--expires", "soon")):
        assert refold.cli(*arguments).status == 2


def test_what_is_held_is_held_after_kill_9_and_a_step_under_way_ends_where_it_should(eventually):
    directory = open_to_enter(Path(tempfile.mkdtemp(prefix="refold-holds-")))
    arguments = ["up", "--data", str(directory / "data")]
    places = ["--http", "127.0.0.1:0", "--nats", "127.0.0.1:0"]

    def server(number):
        log = directory / f"log{number}"
        return launch([*arguments, *places], log, REFOLD_LEASE_TTL_MS="1500")

    running = server(0)
    try:
        workflow = running.apply(ORDERS)
        break_at(running, workflow, "Price")
        ident = running.start(workflow, input={"price": 2, "count": 3})["id"]
        before = held(running, ident, eventually)["suspension"]
        for number, name in ((1, "total"), (2, "Pay")):
            running.process.send_signal(signal.SIGKILL)
            running.process.wait(30)
            running = server(number)
            assert held(running, ident, eventually)["suspension"] == before
            running.ask("POST", f"/executions/{ident}/step")
            os.kill(running.process.pid, signal.SIGKILL)  # whether it has begun or not
            running.process.wait(30)
            running = server(f"{number}-again")

            def stepped(running=running, name=name):
                suspension = running.ask("GET", f"/executions/{ident}").json["suspension"]
                return suspension if suspension and suspension["held"][0]["name"] == name else None

            before = eventually(stepped)
        assert stands(running, ident, "resume")["suspension"] is None
    finally:
        end(running)
        shutil.rmtree(directory, ignore_errors=True)
