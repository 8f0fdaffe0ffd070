"""What became of a CloudEvent: whom it started and woke, who nearly took it, and why not."""

import asyncio
import json
import uuid

import nats
import pytest

START = """
id: {id}
version: "1.0"
specVersion: "0.8"
name: Start
start: Wait
events:
  - {name: order, type: {id}.made, source: /shop/+}
states:
  - name: Wait
    type: event
    onEvents:
      - eventRefs: [order]
    end: true
"""
PAIR = """
id: {id}
version: "1.0"
specVersion: "0.8"
name: Pair
start: Wait
events:
  - {name: one, type: {id}.one, correlation: [{contextAttributeName: batch}]}
  - {name: two, type: {id}.two, correlation: [{contextAttributeName: batch}]}
states:
  - name: Wait
    type: event
    exclusive: false
    onEvents:
      - eventRefs: [one, two]
    end: true
"""
WAIT = """
id: {id}
version: "1.0"
specVersion: "0.8"
name: Wait
start: Take
events:
  - name: paid
    type: {id}.paid
    correlation:
      - {contextAttributeName: orderid, contextAttributeValue: "${ .order }"}
states:
  - {name: Take, type: inject, data: {}, transition: Await payment}
  - name: Await payment
    type: event
    onEvents:
      - eventRefs: [paid]
    end: true
"""
STRUCTURED = {"Content-Type": "application/cloudevents+json"}


@pytest.fixture
def explained(refold, eventually):
    """What became of the CloudEvent at a position, once the read tables have caught up and the
    question about it is true."""

    def ask(position, question=lambda _: True):
        def found():
            answer = refold.ask("GET", f"/events/{position}/explain").json
            return answer if answer["matched"] and question(answer) else None

        return eventually(found)

    return ask


def publish(refold, kind, source="/shop/eu", ident=None, **extensions):
    event = {
        "specversion": "1.0", "id": ident or uuid.uuid4().hex, "source": source, "type": kind,
        **extensions,
    }  # fmt: skip
    reply = refold.ask("POST", "/events", json.dumps(event), STRUCTURED)
    assert reply.status == 202, reply.body
    return reply.json["receipts"][0]["position"]


def waiting(refold, eventually, workflow, order):
    execution = refold.start(workflow, input={"order": order})["id"]
    eventually(lambda: refold.ask("GET", f"/executions/{execution}").json["waits"])
    return execution


def test_an_execution_that_it_started_is_named(refold, explained):
    workflow = refold.apply(START)
    position = publish(refold, f"{workflow}.made", ident=f"{workflow}-1")
    answer = explained(position, lambda one: one["deliveries"])
    (delivery,) = answer["deliveries"]
    assert (delivery["role"], delivery["workflow"]) == ("started", workflow)
    (verdict,) = answer["triggers"]
    assert verdict["accepted"]
    assert verdict["execution"] == delivery["execution"]
    assert f"It started {delivery['execution']}" in answer["summary"]
    assert answer["event"]["actor"] == "anonymous"
    by_name = refold.ask("GET", f"/events/explain?source=/shop/eu&id={workflow}-1").json
    assert by_name["event"] == answer["event"]


@pytest.mark.parametrize(
    ("kind", "source", "failed", "text"),
    [
        ("made", "/store", "source", "source is '/store', wanted '/shop/+'"),
        ("maed", "/shop/eu", "type", "type is '{id}.maed', wanted '{id}.made'"),
    ],
)
def test_a_trigger_tells_the_first_thing_that_it_failed(
    refold, explained, kind, source, failed, text
):
    workflow = refold.apply(START)
    answer = explained(publish(refold, f"{workflow}.{kind}", source))
    verdict = next(one for one in answer["triggers"] if one["workflow"] == workflow)
    assert not verdict["accepted"]
    assert verdict["failed"]["kind"] == failed
    assert verdict["text"] == text.replace("{id}", workflow)
    assert answer["deliveries"] == []
    assert verdict["text"] in answer["summary"]
    assert "Nobody took it" in answer["summary"]


def test_a_definition_that_was_applied_too_late_says_so(refold, explained):
    kind = uuid.uuid4().hex
    position = publish(refold, f"{kind}.made")
    workflow = refold.apply(START.replace("{id}.made", f"{kind}.made"))
    (verdict,) = explained(position)["triggers"]
    assert verdict["workflow"] == workflow
    assert verdict["failed"] == {
        "kind": "version", "name": None, "wanted": verdict["failed"]["wanted"], "given": position,
    }  # fmt: skip
    assert verdict["failed"]["wanted"] >= position
    assert "it was applied after the CloudEvent" in verdict["text"]


def test_a_wait_that_took_it_and_one_that_nearly_did_are_named(refold, explained, eventually):
    workflow = refold.apply(WAIT)
    taker = waiting(refold, eventually, workflow, "1")
    other = waiting(refold, eventually, workflow, "2")
    position = publish(refold, f"{workflow}.paid", orderid="1")
    answer = explained(position, lambda one: one["deliveries"])
    (delivery,) = answer["deliveries"]
    assert (delivery["execution"], delivery["role"]) == (taker, "resumed")
    (near,) = answer["near_waits"]
    assert (near["execution"], near["state"]) == (other, "Await payment")
    assert near["text"] == "attribute 'orderid' is '1', wanted '2'"
    assert near["failed"] == {
        "kind": "attribute", "name": "orderid", "wanted": "2", "given": "1",
    }  # fmt: skip
    stray = explained(publish(refold, f"{workflow}.payed", orderid="2"))
    assert stray["near_waits"][0]["text"] == (
        f"type is '{workflow}.payed', wanted '{workflow}.paid'"
    )
    assert f"state Await payment of {other}" in stray["summary"]


def test_a_gathering_that_it_joined_is_named(refold, explained):
    workflow = refold.apply(PAIR)
    position = publish(refold, f"{workflow}.one", batch="7")
    answer = explained(position, lambda one: one["deliveries"])
    (delivery,) = answer["deliveries"]
    assert delivery["role"] == "kept"
    assert answer["triggers"][0]["gathers"]
    why = refold.ask("GET", f"/executions/{delivery['execution']}/why").json
    assert "1 CloudEvent (it has 1 of 2)" in why["summary"]
    assert f"of type {workflow}.two with batch = 7" in why["summary"]


def test_a_cloudevent_that_nobody_wants_says_so(refold, explained):
    answer = explained(publish(refold, uuid.uuid4().hex))
    assert answer["deliveries"] == answer["triggers"] == answer["near_waits"] == []
    assert "Nobody took it" in answer["summary"]


def test_a_refused_copy_is_told_and_so_is_its_dead_letter(refold, explained):
    ident = uuid.uuid4().hex
    position = publish(refold, "x.made", ident=ident)

    async def send():
        client = await nats.connect(refold.nats)
        other = {"specversion": "1.0", "id": ident, "source": "/shop/eu", "type": "y"}
        headers = {"Content-Type": "application/cloudevents+json"}
        await client.jetstream().publish(
            "cloudevents.in.default.x", json.dumps(other).encode(), headers=headers
        )
        await client.close()

    asyncio.run(send())
    (copy,) = explained(position, lambda one: one["dead_letters"])["dead_letters"]
    assert copy["code"] == "cloudevent.conflict"
    path = f"/events/dead-letters/{copy['dead_letter']}/explain"
    letter = refold.ask("GET", path).json
    assert copy["reason"] in letter["summary"]
    assert "id of its own" in letter["advice"]
    shown = refold.cli("event", "explain", "--dead-letter", str(copy["dead_letter"]))
    assert copy["code"] in shown.body.decode()


def test_what_is_not_there_is_not_found(refold):
    for path in (
        "/events/99999999/explain", "/events/99999999", "/events/abc", "/events/abc/explain",
        "/events/explain?source=/nowhere&id=1", "/events/dead-letters/99999999/explain",
        "/events/dead-letters/x/explain",
    ):  # fmt: skip
        reply = refold.ask("GET", path)
        assert (reply.status, reply.json["code"]) == (404, "not_found"), path
    assert refold.ask("GET", "/events/explain?source=/nowhere").status == 400
    assert refold.cli("event", "explain").status == 2
    assert refold.cli("event", "explain", "1", "--dead-letter", "1").status == 2
    assert refold.cli("event", "explain", "99999999").status == 3


def test_one_cloudevent_is_shown_with_its_sender(refold):
    ident = uuid.uuid4().hex
    position = publish(refold, "z.made", ident=ident)
    found = refold.ask("GET", f"/events/{position}").json
    assert (found["position"], found["event"]["id"], found["actor"]) == (
        position, ident, "anonymous",
    )  # fmt: skip
    assert ident in refold.cli("event", "get", str(position)).body.decode()


def test_the_stream_is_filtered_by_source_subject_and_time(refold):
    source = f"/{uuid.uuid4().hex}"
    first = publish(refold, "a", source, subject="s1")
    publish(refold, "b", source, subject="s2")
    last = publish(refold, "c", source, subject="s1")
    publish(refold, "c", f"{source}/other", subject="s1")
    at = {
        one["position"]: one["at"]
        for one in refold.ask("GET", _listed(source=source)).json["items"]
    }
    assert len(at) == 3

    def positions(**query):
        return [one["position"] for one in refold.ask("GET", _listed(**query)).json["items"]]

    assert positions(source=source, subject="s1") == [first, last]
    assert positions(source=source, since=at[first]) == sorted(at)
    assert positions(source=source, until=at[first]) == []
    assert positions(source=source, type="b") == [first + 1]
    assert positions(subject=uuid.uuid4().hex) == []
    listed = refold.cli("event", "ls", "--source", source, "--subject", "s1", "-o", "json")
    assert [one["position"] for one in json.loads(listed.body)["items"]] == [first, last]
    paged = refold.cli("event", "ls", "--source", source, "--limit", "2", "-o", "json")
    assert len(json.loads(paged.body)["items"]) == 2


def _listed(**query):
    return "/events?" + "&".join(f"{name}={value}" for name, value in query.items())


def test_the_command_tells_it_in_a_paragraph(refold, explained):
    workflow = refold.apply(START)
    position = publish(refold, f"{workflow}.made", ident=f"{workflow}-2")
    explained(position, lambda one: one["deliveries"])
    by_position = refold.cli("event", "explain", str(position)).body.decode()
    by_name = refold.cli("event", "explain", "/shop/eu", f"{workflow}-2").body.decode()
    for shown in (by_position, by_name):
        assert shown.startswith(f"CloudEvent {position} ({workflow}.made")
        assert "It started ex_" in shown
        assert "does it start a workflow?" in shown
    full = json.loads(refold.cli("event", "explain", str(position), "-o", "json").body)
    assert full["deliveries"][0]["role"] == "started"
