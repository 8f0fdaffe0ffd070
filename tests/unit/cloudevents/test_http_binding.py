"""The HTTP binding: modes, headers, refusals."""

import json

import pytest

from engine.model.cloudevents.fault import CloudEventFault
from engine.model.cloudevents.http_binding import (
    HttpDelivery,
    from_http,
    to_http_binary,
    to_http_structured,
)
from engine.model.cloudevents.json_format import (
    BATCH_MEDIA_TYPE,
    STRUCTURED_MEDIA_TYPE,
    decode_structured,
)
from engine.model.cloudevents.limits import CloudEventLimits
from tests.unit.cloudevents.samples import FULL, body, headers, minimal

Pairs = list[tuple[str, str]]
JSON_TYPE = ("Content-Type", "application/json")
LIMITS = CloudEventLimits(max_data_bytes=2_000, max_extensions=4)

MISSING = "cloudevent.missing_attribute"
BAD = "cloudevent.bad_attribute"
JSON = "cloudevent.bad_json"
ENCODING = "cloudevent.bad_encoding"
LARGE = "cloudevent.too_large"
VERSION = "cloudevent.unsupported_version"
TYPE = "cloudevent.unsupported_content_type"
CODING = "cloudevent.unsupported_content_encoding"
TWICE = "cloudevent.duplicate_attribute"


def structured(content_type: str) -> Pairs:
    return [("Content-Type", content_type)]


REFUSED: dict[str, tuple[str, list[tuple[Pairs, bytes]]]] = {
    "no CloudEvent at all": (
        MISSING,
        [([], b""), ([JSON_TYPE], body()), ([("x-ce-id", "1")], b""), ([("ceid", "1")], b"{}")],
    ),
    "a required header left out": (
        MISSING,
        [(headers(**{n: ""}), b"") for n in ("specversion", "id", "source", "type")],
    ),
    "a required header empty": (
        BAD,
        [([(k, "" if k == f"ce-{n}" else v) for k, v in headers()], b"") for n in ("id", "source")]
        + [([(k, '""' if k == "ce-type" else v) for k, v in headers()], b"")],
    ),
    "another specversion": (
        VERSION,
        [(headers(specversion=v), b"") for v in ("0.3", "1", "1.0.1")],
    ),
    "a header twice": (
        TWICE,
        [
            ([*headers(), ("ce-id", "other")], b""),
            ([*headers(), ("CE-ID", "order-17/1")], b""),
            ([*headers(), ("ce-ext", "a"), ("Ce-Ext", "a")], b""),
            ([*headers(), JSON_TYPE, ("content-type", "text/plain")], b"{}"),
            ([*structured(STRUCTURED_MEDIA_TYPE), *structured(STRUCTURED_MEDIA_TYPE)], body()),
        ],
    ),
    "ce-datacontenttype": (
        BAD,
        [
            ([*headers(datacontenttype="application/json")], b"{}"),
            ([*headers(datacontenttype="application/json"), JSON_TYPE], b"{}"),
        ],
    ),
    "an extension that cannot be": (
        BAD,
        [
            (headers(data="x"), b""),
            (headers(data_base64="AA=="), b""),
            ([*headers(), ("ce-", "x")], b""),
            ([*headers(), ("ce-trace-parent", "x")], b""),
            ([*headers(), ("ce-" + "a" * 65, "x")], b""),
        ],
    ),
    "percent-encoding that is not UTF-8": (
        ENCODING,
        [
            (headers(subject=v), b"")
            for v in ("%C0%A0", "a%ff", "%ED%A0%80", "%E2%82", "%F5%80%80%80")
        ],
    ),
    "a percent sign that encodes nothing": (
        ENCODING,
        [(headers(subject=v), b"") for v in ("100%", "%zz", "%2", "a%%20", "% 20", "%u20AC")],
    ),
    "an unpaired quote": (
        ENCODING,
        [(headers(subject=v), b"") for v in ('"a', 'a"', '"a"b"', '"a\\"', '"')],
    ),
    "a header value beyond printable ASCII": (
        ENCODING,
        [
            (headers(subject=v), b"")
            for v in ("é", "€", "a\x00b", "a\nb", "a\r\nce-id: x", "\x7f", "\udcff")
        ],
    ),
    "a control character, encoded": (
        BAD,
        [(headers(subject=v), b"") for v in ("a%00b", "%0A", "%7F", "%C2%85", "%EF%BF%BF")],
    ),
    "an attribute of a wrong form": (
        BAD,
        [
            (headers(time="yesterday"), b""),
            (headers(source="a%20b"), b""),
            (headers(dataschema="/relative"), b""),
            ([*headers(), ("Content-Type", "json")], b"{}"),
            ([*headers(), ("Content-Type", "")], b"{}"),
            ([*headers(), ("Content-Type", "application/json, text/plain")], b"{}"),
        ],
    ),
    "a value too long": (
        LARGE,
        [
            (headers(id="a" * 2_049), b""),
            (headers(ext="a" * 4_097), b""),
            (headers(ext="%41" * 5_000), b""),
        ],
    ),
    "too many extensions": (
        LARGE,
        [(headers(**{f"e{i}": "x" for i in range(n)}), b"") for n in (5, 60)],
    ),
    "a body too large": (
        LARGE,
        [(headers(), bytes(2_001)), ([*headers(), JSON_TYPE], b" " * 2_001)],
    ),
    "a JSON body that is none": (
        JSON,
        [
            ([*headers(), JSON_TYPE], b)
            for b in (
                b"{",
                b"I'm just a string",
                b"{'a': 1}",
                b"NaN",
                b"1 2",
                b'{"a":1,"a":2}',
                b" ",
            )
        ]
        + [([*headers(), ("content-type", "application/vnd.x+json")], b"[" * 65 + b"]" * 65)]
        + [([*headers(), JSON_TYPE], n) for n in (b"1e1001", b"9" * 1_001)],
    ),
    "a JSON body that is not UTF-8": (
        ENCODING,
        [
            ([*headers(), JSON_TYPE], b'"\xe9"'),
            ([*headers(), JSON_TYPE], b"\xef\xbb\xbf{}"),
            ([*headers(), ("content-type", "text/json; charset=utf-8")], '"a"'.encode("utf-16")),
        ],
    ),
    "a JSON body in another charset": (
        TYPE,
        [
            (
                [*headers(), ("content-type", "application/json; charset=utf-16")],
                '""'.encode("utf-16"),
            )
        ],
    ),
    "a text body that is not in its charset": (
        ENCODING,
        [
            ([*headers(), ("content-type", "text/plain")], b"\xe9"),
            ([*headers(), ("content-type", "text/plain; charset=us-ascii")], "é".encode()),
        ],
    ),
    "a compressed message": (
        CODING,
        [
            ([*headers(), ("Content-Encoding", v)], b"\x1f\x8b")
            for v in ("gzip", "deflate", "br", "zstd", "identity, gzip", "unknown")
        ]
        + [([*structured(STRUCTURED_MEDIA_TYPE), ("content-encoding", "gzip")], body())],
    ),
    "a CloudEvents format that we lack": (
        TYPE,
        [
            (structured(v), body())
            for v in (
                "application/cloudevents+avro",
                "application/cloudevents",
                "application/cloudevents-batch",
                "application/cloudevents-batch+protobuf",
                "application/cloudevents+jsonx",
                "APPLICATION/CLOUDEVENTS+XML",
                "application/cloudevents+json; charset=utf-16",
                "application/cloudevents+json; charset",
                "application/cloudevents+json, application/json",
            )
        ],
    ),
    "a structured body that is no CloudEvent": (
        JSON,
        [(structured(STRUCTURED_MEDIA_TYPE), b) for b in (b"", b"[]", b"{", b'{"a":1,"a":1}')],
    ),
    "a structured body that lacks what the headers have": (
        MISSING,
        [([*structured(STRUCTURED_MEDIA_TYPE), *headers()], body(id=...))],
    ),
    "a batch that is no array": (JSON, [(structured(BATCH_MEDIA_TYPE), body())]),
}

ROWS = [
    pytest.param(code, pairs, content, id=f"{name} {n}")
    for name, (code, messages) in REFUSED.items()
    for n, (pairs, content) in enumerate(messages)
]


@pytest.mark.parametrize(("code", "pairs", "content"), ROWS)
def test_malformed_message_is_refused_with_its_code_and_the_next_good_one_is_taken(
    code: str, pairs: Pairs, content: bytes
) -> None:
    with pytest.raises(CloudEventFault) as refused:
        from_http(pairs, content, LIMITS)
    assert refused.value.code == code
    assert len(refused.value.message) > 20
    assert from_http(headers(), b"", LIMITS) == HttpDelivery("binary", (minimal(),))


def test_content_type_decides_even_beside_ce_headers() -> None:
    pairs = [
        *headers(id="from-a-header"),
        ("CONTENT-TYPE", "Application/CloudEvents+JSON; charset=UTF-8"),
    ]
    delivery = from_http(pairs, body())
    assert delivery == HttpDelivery("structured", (minimal(),))


def test_header_names_are_compared_without_case_and_others_are_passed_over() -> None:
    pairs = [(name.upper(), value) for name, value in headers(ext="x")]
    (event,) = from_http([*pairs, ("User-Agent", "é"), ("x", "y"), ("x", "y")], b"").events
    assert event == minimal(extensions={"ext": "x"})


@pytest.mark.parametrize(
    ("value", "subject"),
    [
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        ("Euro%20%e2%82%ac%20%f0%9f%98%80", "Euro € 😀"),
        ("%41%2f", "A/"),
        ("%2520", "%20"),
        ('"a b"', "a b"),
        (r'"a \"b\" \\ %25"', 'a "b" \\ %'),
        ('a" b "c', "a b c"),
        ("  padded\t", "padded"),
        ("a b+c", "a b+c"),
    ],
)
def test_header_value_is_unquoted_and_then_percent_decoded_once(value: str, subject: str) -> None:
    (event,) = from_http(headers(subject=value), b"").events
    assert event == minimal(subject=subject)


def test_attribute_values_are_encoded_as_the_binding_says() -> None:
    event = minimal(subject='Euro € 😀"%~', extensions={"flag": False, "n": -3, "empty": ""})
    pairs = dict(to_http_binary(event)[0])
    assert pairs["ce-subject"] == "Euro%20%E2%82%AC%20%F0%9F%98%80%22%25~"
    assert (pairs["ce-flag"], pairs["ce-n"], pairs["ce-empty"]) == ("false", "-3", "")


def test_binary_body_is_the_payload_and_content_type_its_media_type() -> None:
    (event,) = from_http([*headers(), JSON_TYPE], b' {"a": 1.50} ').events
    assert event == minimal(
        datacontenttype="application/json", data=b' {"a": 1.50} ', data_kind="json"
    )


def test_json_string_in_a_binary_body_stays_a_string() -> None:
    (event,) = from_http([*headers(), JSON_TYPE], b'"123"').events
    assert isinstance(event, type(minimal()))
    assert event.json_data == b'"123"'


def test_body_without_content_type_is_binary_and_an_empty_body_no_data() -> None:
    (event,) = from_http(headers(), b"{").events
    assert event == minimal(data=b"{", data_kind="binary")
    (empty,) = from_http([*headers(), JSON_TYPE], b"").events
    assert empty == minimal(datacontenttype="application/json")


def test_implied_json_media_type_is_named_in_binary_mode() -> None:
    pairs, content = to_http_binary(decode_structured(body(data="I'm just a string")))
    assert ("content-type", "application/json") in pairs
    assert content == b'"I\'m just a string"'


def test_structured_message_round_trip() -> None:
    event = decode_structured(body(FULL))
    assert from_http(*to_http_structured(event)) == HttpDelivery("structured", (event,))


def test_all_attributes_and_extensions_may_be_there() -> None:
    limits = CloudEventLimits(max_extensions=2)
    times = {"time": "2026-01-31T12:00:00Z", "dataschema": "a:b", "subject": "s"}
    pairs = headers(**times, one="%41" * 4_096, two="2")
    (event,) = from_http([*pairs, JSON_TYPE], b"1", limits).events
    assert event == minimal(
        **times,
        datacontenttype="application/json",
        extensions={"one": "A" * 4_096, "two": "2"},
        data=b"1",
        data_kind="json",
    )


def test_quoted_value_may_be_of_the_greatest_length() -> None:
    (event,) = from_http(headers(ext='"' + "%41" * 4_096 + '"'), b"").events
    assert event == minimal(extensions={"ext": "A" * 4_096})


def test_identity_coding_is_no_coding() -> None:
    assert from_http([*headers(), ("Content-Encoding", "Identity")], b"").events == (minimal(),)


def test_batch_gives_each_item_its_own_outcome() -> None:
    content = json.dumps([json.loads(body()), {}, json.loads(body(id="2"))]).encode()
    delivery = from_http(structured("application/cloudevents-batch+json; charset=utf-8"), content)
    first, fault, last = delivery.events
    assert delivery.mode == "batch"
    assert (first, last) == (minimal(), minimal(id="2"))
    assert isinstance(fault, CloudEventFault)
    assert (fault.code, fault.index) == (MISSING, 1)
