"""CloudEvents over HTTP: three modes, receipts, duplicates, conflicts; starts and callbacks."""

import base64
import json
import uuid

import pytest

STRUCTURED = {"Content-Type": "application/cloudevents+json"}
BATCH = {"Content-Type": "application/cloudevents-batch+json"}

ON_ORDER = """
id: {id}
version: "1.0"
specVersion: "0.8"
name: On order
start: Wait
events:
  - {name: order, type: {type}, source: shop}
states:
  - name: Wait
    type: event
    onEvents:
      - eventRefs: [order]
    end: true
"""
ASK = """
id: {id}
version: "1.0"
specVersion: "0.8"
name: Ask
start: Ask
functions:
  - {name: note, type: expression, operation: "${ {asked: true} }"}
events:
  - {name: answer, type: answered, source: person}
states:
  - name: Ask
    type: callback
    action: {functionRef: note}
    eventRef: answer
    end: true
"""


def _event(**members):
    return {
        "specversion": "1.0", "id": uuid.uuid4().hex, "source": "shop", "type": "made", **members,
    }  # fmt: skip


def _binary(event, data=b""):
    headers = {f"ce-{name}": str(value) for name, value in event.items()}
    return headers | ({"Content-Type": "application/json"} if data else {})


def test_structured_binary_and_batch_are_stored(refold):
    one = refold.ask("POST", "/events", json.dumps(_event(data=1)), STRUCTURED)
    two = refold.ask("POST", "/events", b'{"n": 1}', _binary(_event(), b"x"))
    three = refold.ask("POST", "/events", json.dumps([_event(), _event()]), BATCH)
    assert [reply.status for reply in (one, two, three)] == [202, 202, 202]
    outcomes = [one["outcome"] for one in three.json["receipts"]]
    assert outcomes == ["stored", "stored"]
    positions = [
        receipt["position"] for reply in (one, two, three) for receipt in reply.json["receipts"]
    ]
    assert positions == sorted(set(positions))


def test_a_duplicate_says_so_in_any_mode(refold):
    event = _event()
    first = refold.ask("POST", "/events", json.dumps(event), STRUCTURED).json["receipts"][0]
    again = refold.ask("POST", "/events", b"", _binary(event)).json["receipts"][0]
    assert (first["outcome"], again["outcome"]) == ("stored", "duplicate")
    assert first["position"] == again["position"]


def test_the_same_id_with_other_content_is_a_conflict_and_not_stored(refold):
    event = _event(data=1)
    refold.ask("POST", "/events", json.dumps(event), STRUCTURED)
    reply = refold.ask("POST", "/events", json.dumps(event | {"data": 2}), STRUCTURED)
    assert (reply.status, reply.json["code"]) == (409, "cloudevent.conflict")


def test_a_malformed_event_is_refused_with_its_place(refold):
    reply = refold.ask("POST", "/events", json.dumps(_event(source="")), STRUCTURED)
    assert (reply.status, reply.json["code"]) == (400, "cloudevent.malformed")
    assert reply.json["errors"][0]["pointer"] == "/source"


def test_a_batch_takes_its_good_events_and_names_the_others(refold):
    reply = refold.ask("POST", "/events", json.dumps([_event(), {"id": "x"}]), BATCH)
    assert reply.status == 202
    assert [one["outcome"] for one in reply.json["receipts"]] == ["stored", "refused"]
    assert reply.json["receipts"][1]["error"]["pointer"].startswith("/1")
    assert (reply.json["receipts"][1]["id"], reply.json["receipts"][1]["source"]) == ("x", None)


def test_the_stream_lists_pages_and_filters(refold):
    kind = f"listed.{uuid.uuid4().hex}"
    batch = [_event(type=kind, data={"n": number}) for number in range(3)]
    refold.ask("POST", "/events", json.dumps(batch), BATCH)
    page = refold.ask("GET", f"/events?type={kind}&limit=2").json
    rest = refold.ask("GET", f"/events?type={kind}&limit=2&cursor={page['next']}").json
    found = [one["event"]["data"]["n"] for one in page["items"] + rest["items"]]
    assert found == [0, 1, 2]
    assert rest["next"] is None


def test_a_cloudevent_starts_an_execution(refold, eventually):
    kind = f"order.{uuid.uuid4().hex}"
    workflow = refold.apply(ON_ORDER.replace("{type}", kind))
    refold.ask("POST", "/events", json.dumps(_event(type=kind, data={"order": 7})), STRUCTURED)
    listed = eventually(
        lambda: refold.ask("GET", f"/executions?workflow={workflow}&status=completed").json["items"]
    )
    found = refold.ask("GET", f"/executions/{listed[0]['id']}").json
    assert found["output"] == {"order": 7}
    refold.ask("POST", "/events", json.dumps(_event(type="another")), STRUCTURED)
    assert len(refold.ask("GET", f"/executions?workflow={workflow}").json["items"]) == 1


def test_a_callback_state_is_answered_with_its_token(refold, eventually):
    execution = refold.start(refold.apply(ASK), input={})["id"]
    path = f"/executions/{execution}"
    waits = eventually(lambda: refold.ask("GET", path).json["waits"])
    token = waits[0]["callback_token"]
    assert refold.ask("GET", path).json["status"] == "waiting"
    assert refold.ask("POST", f"/callbacks/{token}", {"yes": 1}, namespace="other").status == 404
    assert refold.ask("POST", f"/callbacks/{token[:-2]}00", {"yes": 1}).status == 404
    reply = refold.ask("POST", f"/callbacks/{token}", {"yes": 1})
    assert (reply.status, reply.json["execution"]) == (202, execution)
    done = refold.ask("GET", path, headers={"Prefer": "wait=20"}).json
    assert (done["status"], done["output"]["yes"]) == ("completed", 1)
    again = refold.ask("POST", f"/callbacks/{token}", {"yes": 2})
    assert (again.status, again.json["code"]) == (409, "execution.closed")


async def test_a_malformed_message_from_nats_becomes_a_dead_letter(refold, eventually):
    import nats

    namespace = f"dead-{uuid.uuid4().hex[:8]}"
    client = await nats.connect(refold.nats)
    try:
        stream = client.jetstream()
        await stream.publish(f"cloudevents.in.{namespace}.any", b"{not json", headers={
            "Content-Type": "application/cloudevents+json"})  # fmt: skip
        await stream.publish(f"cloudevents.in.{namespace}.any", json.dumps(_event()).encode(),
            headers={"Content-Type": "application/cloudevents+json"})  # fmt: skip
    finally:
        await client.close()
    letters = eventually(
        lambda: refold.ask("GET", "/events/dead-letters", namespace=namespace).json["items"]
    )
    assert base64.b64decode(letters[0]["body"]) == b"{not json"
    assert letters[0]["code"].startswith("cloudevent.")
    assert letters[0]["reason"]
    stored = eventually(lambda: refold.ask("GET", "/events", namespace=namespace).json["items"])
    assert len(stored) == 1


@pytest.mark.parametrize("kind", ["application/cloudevents+xml", "application/cloudevents+avro"])
def test_other_formats_of_cloudevents_are_refused(refold, kind):
    assert refold.ask("POST", "/events", b"x", {"Content-Type": kind}).status == 415
