"""The NATS binding: modes, headers, refusals, the id for deduplication."""

import pytest

from engine.model.cloudevents.fault import CloudEventFault
from engine.model.cloudevents.json_format import decode_structured
from engine.model.cloudevents.limits import CloudEventLimits
from engine.model.cloudevents.nats_binding import (
    from_nats,
    message_id,
    to_nats_binary,
    to_nats_structured,
)
from tests.unit.cloudevents.samples import FULL, body, headers, minimal

Pairs = list[tuple[str, str]]
LIMITS = CloudEventLimits(max_data_bytes=2_000, max_extensions=4)
STRUCTURED = [("Content-Type", "application/cloudevents+json")]

MISSING = "cloudevent.missing_attribute"
BAD = "cloudevent.bad_attribute"
JSON = "cloudevent.bad_json"
ENCODING = "cloudevent.bad_encoding"
LARGE = "cloudevent.too_large"
VERSION = "cloudevent.unsupported_version"
TYPE = "cloudevent.unsupported_content_type"
TWICE = "cloudevent.duplicate_attribute"
JSON_TYPE = {"datacontenttype": "application/json"}

REFUSED: dict[str, tuple[str, list[tuple[Pairs, bytes]]]] = {
    "no headers and no CloudEvent": (
        JSON,
        [([], b) for b in (b"", b"hello", b"[]", b"[{}]", b"17")],
    ),
    "no headers and a CloudEvent that lacks an attribute": (MISSING, [([], body(id=...))]),
    "headers without attributes": (
        MISSING,
        [
            ([("Content-Type", "application/json")], body()),
            ([("Content-Type", "text/plain")], b""),
            ([("Nats-Msg-Id", "1"), ("Content-Type", "")], body()),
        ],
    ),
    "a required header left out": (
        MISSING,
        [(headers(**{n: ""}), b"") for n in ("specversion", "id", "source", "type")],
    ),
    "another specversion": (
        VERSION,
        [(headers(specversion="0.3"), b""), (STRUCTURED, body(specversion="0.3"))],
    ),
    "a header in two cases": (
        TWICE,
        [
            ([*headers(), ("Ce-Id", "order-17/1")], b""),
            ([*headers(), ("CE-SOURCE", "/other")], b""),
            ([*STRUCTURED, ("content-type", "application/cloudevents+json")], body()),
        ],
    ),
    "a batch": (
        TYPE,
        [
            ([("Content-Type", "application/cloudevents-batch+json")], b"[]"),
            ([("content-type", "APPLICATION/CLOUDEVENTS-BATCH+JSON")], b"[" + body() + b"]"),
        ],
    ),
    "a format that we lack": (
        TYPE,
        [
            ([("Content-Type", v)], body())
            for v in (
                "application/cloudevents+avro",
                "application/cloudevents+protobuf",
                "application/cloudevents+json; charset=utf-16",
                "application/cloudevents;",
                "application/cloudeventsx",
            )
        ],
    ),
    "a structured payload that is no CloudEvent": (
        JSON,
        [(STRUCTURED, b) for b in (b"", b"[]", b"{", body() + b"x", b'{"id": NaN}')],
    ),
    "a structured payload that is not UTF-8": (ENCODING, [(STRUCTURED, b'{"id": "\xff"}')]),
    "percent-encoding that is not UTF-8": (
        ENCODING,
        [(headers(subject=v), b"") for v in ("%C0%A0", "%80", "%ED%BF%BF", "a%E2%82")],
    ),
    "a percent sign that encodes nothing": (
        ENCODING,
        [(headers(subject=v), b"") for v in ("50%", "%x0", "%%")],
    ),
    "an unpaired quote": (ENCODING, [(headers(subject=v), b"") for v in ('"', 'a"b', '"a\\"')]),
    "a header value beyond printable ASCII": (
        ENCODING,
        [(headers(subject=v), b"") for v in ("Grüße", "\x01", "a\nb", "\udc80")],
    ),
    "an attribute of a wrong form": (
        BAD,
        [
            (headers(time="2026-11-23"), b""),
            (headers(source="%20"), b""),
            (headers(subject="%0D%0A"), b""),
            (headers(datacontenttype="json"), b"{}"),
            (headers(dataschema="x"), b""),
            ([*headers(), ("ce-a.b", "x")], b""),
            ([*headers(), ("ce-data", "x")], b""),
        ],
    ),
    "a value too long": (
        LARGE,
        [(headers(type="a" * 2_049), b""), (headers(ext="a" * 20_000), b"")],
    ),
    "too many extensions": (LARGE, [(headers(**{f"e{i}": "x" for i in range(5)}), b"")]),
    "a payload too large": (
        LARGE,
        [(headers(), bytes(2_001)), (headers(**JSON_TYPE), b"1" * 2_001)],
    ),
    "a JSON payload that is none": (
        JSON,
        [(headers(**JSON_TYPE), b) for b in (b"{", b"Infinity", b"{}{}", b'{"a":0,"a":0}', b"'a'")],
    ),
    "a JSON payload that is not UTF-8": (ENCODING, [(headers(**JSON_TYPE), b'"\xff"')]),
    "a text payload that is not in its charset": (
        ENCODING,
        [(headers(datacontenttype="text/plain"), b"\xff")],
    ),
}

ROWS = [
    pytest.param(code, pairs, payload, id=f"{name} {n}")
    for name, (code, messages) in REFUSED.items()
    for n, (pairs, payload) in enumerate(messages)
]


@pytest.mark.parametrize(("code", "pairs", "payload"), ROWS)
def test_malformed_message_is_refused_with_its_code_and_the_next_good_one_is_taken(
    code: str, pairs: Pairs, payload: bytes
) -> None:
    with pytest.raises(CloudEventFault) as refused:
        from_nats(pairs, payload, LIMITS)
    assert refused.value.code == code
    assert len(refused.value.message) > 20
    assert from_nats(headers(), b"", LIMITS) == minimal()


@pytest.mark.parametrize(
    "content_type",
    [
        "application/cloudevents+json",
        "application/cloudevents+json; charset=UTF-8",
        "Application/CloudEvents+Json",
        "application/cloudevents",
    ],
)
def test_content_type_that_begins_with_the_family_is_structured(content_type: str) -> None:
    pairs = [("Content-type", content_type), ("ce-id", "passed over"), ("Ce-Id", "this too")]
    assert from_nats(pairs, body()) == minimal()


def test_message_without_headers_is_structured_as_in_the_older_binding() -> None:
    assert from_nats([], body()) == minimal()
    assert from_nats([("Nats-Msg-Id", "1")], body()) == minimal()


def test_every_attribute_is_a_header_datacontenttype_too() -> None:
    event = decode_structured(body(FULL))
    pairs, payload = to_nats_binary(event)
    assert dict(pairs) == {
        "ce-specversion": "1.0",
        "ce-id": "order-17/1",
        "ce-source": "/shops/berlin",
        "ce-type": "com.example.order.placed",
        "ce-subject": "order%2017",
        "ce-time": "2026-11-23T05:48:18.123456789Z",
        "ce-datacontenttype": "application/json",
        "ce-dataschema": "https://example.com/schemas/order.json",
        "ce-partitionkey": "berlin",
        "ce-sampled": "true",
        "ce-sequence": "17",
    }
    assert payload == event.data


def test_percent_vector_of_the_binding_goes_both_ways() -> None:
    event = minimal(subject="Euro € 😀")
    pairs, payload = to_nats_binary(event)
    assert ("ce-subject", "Euro%20%E2%82%AC%20%F0%9F%98%80") in pairs
    assert from_nats(pairs, payload) == event


def test_content_type_of_another_family_stands_in_for_a_missing_datacontenttype() -> None:
    event = from_nats([*headers(), ("Content-Type", "application/json")], b'{"a": 1}')
    assert (event.datacontenttype, event.data_kind) == ("application/json", "json")
    named = [*headers(), ("ce-datacontenttype", "text/plain"), ("Content-Type", "application/json")]
    assert from_nats(named, b"{").datacontenttype == "text/plain"
    assert from_nats([*headers(), ("Content-Type", "nonsense")], b"{").datacontenttype is None


def test_implied_json_media_type_is_named_in_binary_mode() -> None:
    pairs, payload = to_nats_binary(decode_structured(body(data=[1])))
    assert from_nats(pairs, payload).datacontenttype == "application/json"


def test_structured_message_round_trip() -> None:
    event = decode_structured(body(FULL))
    assert from_nats(*to_nats_structured(event)) == event


def test_all_attributes_and_extensions_may_be_there() -> None:
    event = decode_structured(body(FULL))
    pairs, payload = to_nats_binary(event)
    told = from_nats(pairs, payload, CloudEventLimits(max_extensions=3))
    assert told.digest() == event.digest()


def test_message_id_tells_source_and_id_apart_and_nothing_else() -> None:
    assert message_id(minimal()) == message_id(minimal(subject="x", data=b"1", data_kind="json"))
    ids = {message_id(minimal(source=s, id=i)) for s, i in (("ab", "c"), ("a", "bc"), ("c", "ab"))}
    assert len(ids) == 3
    assert all(len(one) == 64 and one.isalnum() for one in ids)


def test_message_id_stays_the_same_across_versions() -> None:
    assert message_id(minimal()) == (
        "c5c9f89fb98764face7a595048bbfa1a8487d92e9e8b26aff8bd4536a5362266"
    )
