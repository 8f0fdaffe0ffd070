"""Whatever is given out comes back; whatever is taken in, every JSON reader reads alike."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.model.cloudevents.cloudevent import CloudEvent
from engine.model.cloudevents.fault import CloudEventFault
from engine.model.cloudevents.http_binding import from_http, to_http_binary, to_http_structured
from engine.model.cloudevents.json_format import (
    BATCH_MEDIA_TYPE,
    decode_batch,
    decode_structured,
    encode_batch,
    encode_structured,
)
from engine.model.cloudevents.nats_binding import (
    from_nats,
    message_id,
    to_nats_binary,
    to_nats_structured,
)
from tests.unit.cloudevents.samples import FULL, body
from tests.unit.cloudevents.strategies import any_cloudevents, string_cloudevents


def named(event: CloudEvent) -> CloudEvent:
    """`event` with the media type that the JSON format implies, as other bindings spell it out."""
    if event.data_kind == "json" and event.datacontenttype is None:
        return msgspec.structs.replace(event, datacontenttype="application/json")
    return event


@given(any_cloudevents)
def test_json_format_round_trip(event: CloudEvent) -> None:
    assert decode_structured(encode_structured(event)) == event
    assert from_http(*to_http_structured(event)).events == (event,)
    assert from_nats(*to_nats_structured(event)) == event


@given(st.lists(any_cloudevents, max_size=3))
def test_batch_round_trip(events: list[CloudEvent]) -> None:
    content = encode_batch(events)
    assert decode_batch(content) == events
    delivery = from_http([("content-type", BATCH_MEDIA_TYPE)], content)
    assert (delivery.mode, list(delivery.events)) == ("batch", events)


@given(string_cloudevents)
def test_binary_mode_round_trips(event: CloudEvent) -> None:
    pairs, content = to_http_binary(event)
    assert from_http(pairs, content).events == (named(event),)
    assert from_nats(*to_nats_binary(event)) == named(event)


@given(any_cloudevents)
def test_headers_are_printable_ascii_without_space_or_quote(event: CloudEvent) -> None:
    for name, value in to_nats_binary(event)[0]:
        assert all("!" <= char <= "~" and char != '"' for char in name + value)


@given(any_cloudevents)
def test_digest_is_the_same_in_every_binding(event: CloudEvent) -> None:
    (over_http,) = from_http(*to_http_binary(event)).events
    assert isinstance(over_http, CloudEvent)
    over_nats = from_nats(*to_nats_binary(event))
    again = decode_structured(encode_structured(event))
    assert {over_http.digest(), over_nats.digest(), again.digest()} == {event.digest()}
    assert message_id(over_http) == message_id(event)


@given(any_cloudevents)
def test_json_data_is_json_of_the_same_payload(event: CloudEvent) -> None:
    if event.json_data is None:
        assert event.data is None
    elif event.data_kind == "json":
        assert event.json_data is event.data
    else:
        assert isinstance(json.loads(event.json_data), str)


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """A good message with a few bytes overwritten, taken out or put in."""
    content = bytearray(body(FULL))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(content)))
        width = draw(st.integers(0, 3))
        bits = st.binary(max_size=3) | st.sampled_from(
            [b"\\ud800", b'"', b"\\", b"{", b"]", b",", b"null", b"1e5", b"\\u0000", b"NaN"]
        )
        content[place : place + width] = draw(bits)
    return bytes(content)


@given(spoiled())
@example(body(FULL))
def test_spoiled_message_is_a_fault_or_reads_alike_in_another_parser(content: bytes) -> None:
    try:
        event = decode_structured(content)
    except CloudEventFault:
        return
    told: dict[str, Any] = json.loads(content, object_pairs_hook=_refuse_duplicates)
    assert {name: told[name] for name, _ in event.attributes()} == dict(event.attributes())
    if event.data_kind == "json" and "data" in told:
        assert json.loads(event.data or b"") == told["data"]


@given(st.binary(max_size=60))
def test_random_bytes_are_a_fault(content: bytes) -> None:
    with pytest.raises(CloudEventFault):
        decode_structured(content)
    try:
        taken = decode_batch(content)
    except CloudEventFault:
        return
    assert all(isinstance(item, CloudEventFault) for item in taken)


@given(
    st.lists(
        st.tuples(st.sampled_from(["ce-id", "ce-Type", "content-type"]) | st.text(), st.text())
    ),
    st.binary(max_size=20),
)
def test_random_headers_are_a_fault(pairs: list[tuple[str, str]], content: bytes) -> None:
    for decode in (from_http, from_nats):
        with pytest.raises(CloudEventFault):
            decode(pairs, content)


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)
