"""Any point of an execution over HTTP and from the command line: its state, what differs between
two points, and who wrote a value."""

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from engine.core.timetravel.patch import apply_patch

ORDER = """
id: {id}
version: "1"
specVersion: "0.8"
start: Begin
functions:
  - {name: sum, type: expression, operation: "{total: .price * .quantity}"}
  - {name: slow, type: custom, operation: "rest:GET:http://127.0.0.1:9/never"}
retries: [{name: later, maxAttempts: 3, delay: PT1H}]
events:
  - name: priced
    type: {id}.price.set
    source: shop
    correlation: [{contextAttributeName: order, contextAttributeValue: "${ .id }"}]
states:
  - {name: Begin, type: inject, data: {currency: EUR}, transition: Wait}
  - name: Wait
    type: event
    transition: Sum
    onEvents:
      - eventRefs: [priced]
        eventDataFilter: {data: "${ {price: .amount} }"}
  - name: Sum
    type: operation
    transition: Slow
    actions: [{name: add, functionRef: {refName: sum}}]
  - name: Slow
    type: operation
    end: true
    actions:
      - name: ask
        retryRef: later
        functionRef: {refName: slow, arguments: {q: "${ .total }"}}
"""


SIDES = """
id: {id}
version: "1"
specVersion: "0.8"
start: Ship
functions: [{name: mark, type: expression, operation: "{packed: true}"}]
states:
  - name: Ship
    type: parallel
    end: true
    branches:
      - name: left
        actions:
          - {name: pack, functionRef: {refName: mark}}
          - {name: load, functionRef: {refName: mark}, sleep: {before: PT1H}}
      - name: right
        actions: [{name: paint, functionRef: {refName: mark}, sleep: {before: PT1H}}]
"""


@pytest.fixture(scope="module")
def order(refold):
    """An execution that waits for a retry after a CloudEvent gave it its price: (path, id)."""
    workflow, key = refold.apply(ORDER), uuid.uuid4().hex
    ident = refold.start(workflow, input={"id": key, "quantity": 2})["id"]
    event = {
        "specversion": "1.0", "type": f"{workflow}.price.set", "source": "shop", "id": key,
        "order": key, "data": {"amount": 60.50},
    }  # fmt: skip
    headers = {"Content-Type": "application/cloudevents+json"}
    path = f"/executions/{ident}"
    for _ in range(400):
        if refold.ask("GET", f"{path}/state").json["waits"]:
            break
    assert refold.ask("POST", "/events", json.dumps(event), headers).status == 202
    for _ in range(4_000):
        if any(one["action"] for one in refold.ask("GET", f"{path}/state").json["timers"]):
            return path, ident
    return pytest.fail("the call was not tried")


def seqs(refold, path):
    items = refold.ask("GET", f"{path}/events").json["items"]
    return {f"{one['type']} {one['name']}": one["seq"] for one in items}


def test_the_state_at_an_event_shows_calls_timers_and_waits(refold, order):
    path, _ = order
    seq = seqs(refold, path)
    before = refold.ask("GET", f"{path}/state?at={seq['EventAwaited Wait']}")
    assert (before.status, before.json["states"]) == (200, ["Wait"])
    [wait] = before.json["waits"]
    assert wait["filters"][0]["type"].endswith("price.set")
    assert "immutable" in before.headers["cache-control"]
    called = refold.ask("GET", f"{path}/state?at={seq['ActionScheduled ask']}").json
    [action] = called["actions"]
    assert action["call"]["arguments"] == {"q": 121}
    assert (action["attempt"], action["at"] > 0) == (1, True)
    [timer] = refold.ask("GET", f"{path}/state").json["timers"]
    assert (timer["purpose"], timer["action"]["attempt"]) == ("retry", 2)
    tag = {"If-None-Match": before.headers["etag"]}
    again = refold.ask("GET", f"{path}/state?at={seq['EventAwaited Wait']}", headers=tag)
    assert (again.status, again.body) == (304, b"")


def test_the_state_at_a_time_is_that_of_its_last_event(refold, order):
    path, _ = order
    whole = refold.ask("GET", f"{path}/state").json
    assert refold.ask("GET", f"{path}/state?at={whole['at']}").json == whole
    started = refold.ask("GET", f"{path}/events?limit=1").json["items"][0]["at"]
    moment = datetime.fromisoformat(started) - timedelta(milliseconds=1)
    asked = moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    assert refold.ask("GET", f"{path}/state?at={asked}").json["seq"] == 0


def test_a_diff_is_a_patch_from_one_state_to_the_other(refold, order):
    path, ident = order
    seq = seqs(refold, path)["EventAwaited Wait"]
    found = refold.ask("GET", f"{path}/diff?from={seq}").json
    assert [one["path"] for one in found["changes"]] == [".price", ".total"]
    assert (found["from"]["seq"], found["to"]["status"]) == (seq, "waiting")
    states = [refold.ask("GET", f"{path}/state?at={at}").json for at in (seq, found["to"]["seq"])]
    assert apply_patch(states[0]["data"], found["patch"]) == states[1]["data"]
    for of in ("state", "input", "output"):
        found = refold.ask("GET", f"{path}/diff?from={seq}&to={seq}&of={of}&other={ident}")
        assert (found.json["equal"], "immutable" in found.headers["cache-control"]) == (True, True)


def test_blame_leads_from_a_total_to_the_input_and_the_cloudevent(refold, order):
    path, _ = order
    found = refold.ask("GET", f"{path}/blame?path=.total").json
    assert (found["value"], found["name"]) == (121, "Slow")
    [total] = found["items"]
    assert total["call"]["expressions"] == [
        {"path": ".", "expression": "{total: .price * .quantity}"}
    ]
    price, quantity = total["call"]["reads"]
    assert (price["cloudevent"]["source"], price["value"]) == ("shop", 60.5)
    assert (quantity["kind"], quantity["pointer"]) == ("input", "/input/quantity")
    event = refold.ask("GET", f"{path}/events?after={price['event']['seq'] - 1}&limit=1").json
    assert event["items"][0]["type"] == "EventReceived"
    every = refold.ask("GET", f"{path}/blame?all=true&at={total['event']['seq']}").json
    assert {one["path"] for one in every["items"]} == {
        ".id", ".quantity", ".currency", ".price", ".total"
    }  # fmt: skip
    root = refold.ask("GET", f"{path}/blame?path=/currency&frame=1").json
    assert (root["frame"], root["items"][0]["kind"]) == (1, "fixed")


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("blame?path=.nothing", 404, "there is no .nothing"),
        ("blame?path=..", 400, "is no path"),
        ("blame?path=.total&at=1", 404, "there is .id"),
        ("blame?path=.id&at=0", 404, "nothing had happened"),
        ("blame?path=.id&at=9999", 404, "the last event is"),
        ("blame?frame=77", 404, "is not open"),
        ("blame?state=Begin", 404, "is not open"),
        ("blame?depth=21", 400, "depth"),
        ("diff?from=x", 400, "from"),
        ("diff?from=9999", 404, "the last event is"),
        ("diff?other=ex_x", 404, "ex_x"),
        ("diff?of=all", 400, "of is one of"),
        ("state?at=1.5", 400, "at"),
    ],
)
def test_questions_that_have_no_answer_are_refused(refold, order, query, status, said):
    path, _ = order
    reply = refold.ask("GET", f"{path}/{query}")
    assert reply.status == status
    assert said in reply.json["detail"]


def test_another_namespace_sees_nothing_of_it(refold, order):
    path, ident = order
    for asked in (f"{path}/state?at=1", f"{path}/diff?from=1", f"{path}/blame"):
        assert refold.ask("GET", asked, namespace="elsewhere").status == 404
    own = refold.start(refold.apply(ORDER), input={"id": "x"})["id"]
    reply = refold.ask("GET", f"/executions/{own}/diff?other={ident}", namespace="elsewhere")
    assert reply.status == 404


def test_the_commands_print_the_same_for_people(refold, order):
    path, ident = order
    seq = seqs(refold, path)
    shown = refold.cli("exec", "at", ident, str(seq["ActionScheduled ask"])).body.decode()
    assert "action    ask: slow (GET:http://127.0.0.1:9/never), attempt 1, since 20" in shown
    assert '{"q":121}' in shown.replace(".0", "")
    assert (
        "price.set from shop with order="
        in refold.cli("exec", "at", ident, str(seq["EventAwaited Wait"])).body.decode()
    )
    assert "retry of ask, attempt 2, due 20" in refold.cli("exec", "at", ident).body.decode()
    assert b"nothing had happened" in refold.cli("exec", "at", ident, "0").body
    diff = refold.cli("exec", "diff", f"{ident}@3", f"{ident}@{seq['EventReceived Wait']}")
    assert diff.body.decode().splitlines()[1:] == ["+ .price: 60.5"]
    patch = refold.cli("exec", "diff", f"{ident}@3", "-o", "json", "--of", "input").body
    assert json.loads(patch) == []
    blame = refold.cli("exec", "blame", ident, ".total").body.decode()
    assert "by the expression {total: .price * .quantity}" in blame
    assert "CloudEvent" in blame
    assert "the execution's input, at /quantity" in blame
    told = refold.cli("exec", "blame", ident, "--all", "--in", "1", "-o", "ids").body.split()
    assert len(told) == 5


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("diff", "ex_1"), 2),
        (("diff", "@3"), 2),
        (("diff", "ex_1@"), 2),
        (("diff", "ex_1@1", "--of", "all"), 2),
        (("blame", "ex_1", "..")  , 3),
        (("at", "ex_1", "1"), 3),
    ],
)  # fmt: skip
def test_commands_that_cannot_work_say_why(refold, arguments, code):
    reply = refold.cli("exec", *arguments)
    assert (reply.status, reply.headers["stderr"].startswith("refold: ")) == (code, True)


def test_branches_are_shown_with_the_way_to_them_and_their_own_data(refold, eventually):
    ident = refold.start(refold.apply(SIDES), input={"n": 1})["id"]
    path = f"/executions/{ident}"
    eventually(lambda: len(refold.ask("GET", f"{path}/state").json["timers"]) == 2)
    shown = refold.cli("exec", "at", ident).body.decode().splitlines()
    assert [" ".join(line.split()) for line in shown[2:6]] == [
        "states Ship > branch left; Ship > branch right",
        'data {"n":1}',
        "in Ship > branch left",
        '{"n":1,"packed":true}',
    ]
    assert sum("before action of" in line for line in shown) == 2
    branch = refold.ask("GET", f"{path}/state").json["frames"][2]
    assert branch["name"] == "left"
    blame = refold.cli("exec", "blame", ident, ".packed", "--in", str(branch["id"])).body.decode()
    assert "the result of action pack: mark" in blame
