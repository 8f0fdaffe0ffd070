"""What the JSON format takes, and how it is kept and given back."""

import base64
import json

import pytest

from engine.model.cloudevents.cloudevent import DataKind
from engine.model.cloudevents.json_format import (
    decode_batch,
    decode_structured,
    encode_batch,
    encode_structured,
)
from engine.model.cloudevents.limits import CloudEventLimits
from tests.unit.cloudevents.samples import FULL, MINIMAL, body, minimal, with_raw


def test_nothing_is_filled_in() -> None:
    event = decode_structured(body())
    assert event == minimal()
    assert (event.time, event.subject, event.datacontenttype, event.data) == (None,) * 4
    assert json.loads(encode_structured(event)) == MINIMAL


def test_all_attributes_keep_their_values_and_types() -> None:
    event = decode_structured(body(FULL))
    assert event.time == "2026-11-23T05:48:18.123456789Z"
    assert event.extensions == {"partitionkey": "berlin", "sequence": 17, "sampled": True}
    assert event.extensions["sampled"] is True
    assert json.loads(encode_structured(event)) == FULL


def test_null_attributes_are_absent() -> None:
    names = ("subject", "time", "datacontenttype", "dataschema", "data_base64", "ext")
    assert decode_structured(body(**dict.fromkeys(names))) == minimal()


def test_null_data_is_the_json_value_null_and_not_absence() -> None:
    event = decode_structured(with_raw("data", "null"))
    assert (event.data, event.data_kind) == (b"null", "json")
    assert json.loads(encode_structured(event)) == {**MINIMAL, "data": None}


def test_null_data_base64_beside_data_is_absent() -> None:
    assert decode_structured(body(data=1, data_base64=None)).data == b"1"


@pytest.mark.parametrize(
    "text",
    [
        "12345678901234567890",
        "1.10",
        "-0.0",
        "1e999",
        "9" * 1_000,
        '{ "b" : [ 1.50 , 2 ],\n"a":null }',
        r'"\u0000 \ud83d\ude00 \/"',
        '"[[[[{{{{\\" NaN 1e9999 ' + "9" * 1_100 + '"',
        '{"a":{"x":1},"b":{"x":1}}',
        "[" * 64 + "]" * 64,
        "[[]," * 63 + "[]" + "]" * 63,
        '["' + "[" * 100 + '"]',
        '"123"',
    ],
)
def test_json_data_keeps_its_bytes(text: str) -> None:
    event = decode_structured(with_raw("data", text))
    assert event.data == text.encode()
    assert event.json_data == event.data
    again = decode_structured(encode_structured(event))
    assert (again.data, again.digest()) == (event.data, event.digest())


@pytest.mark.parametrize(
    ("members", "data", "kind", "as_json"),
    [
        ({"data": {"a": 1}}, b'{"a": 1}', "json", b'{"a": 1}'),
        ({"data": "x", "datacontenttype": "text/json"}, b'"x"', "json", b'"x"'),
        ({"data": "1", "datacontenttype": "a/b+JSON; v=1"}, b'"1"', "json", b'"1"'),
        ({"data": "é", "datacontenttype": "text/plain"}, "é".encode(), "text", '"é"'.encode()),
        (
            {"data": "é", "datacontenttype": "text/plain; charset=ISO-8859-1"},
            b"\xe9",
            "text",
            '"é"'.encode(),
        ),
        ({"data": "<a/>", "datacontenttype": "application/xml"}, b"<a/>", "text", b'"<a/>"'),
        ({"data": "", "datacontenttype": "text/plain"}, b"", "text", b'""'),
        ({"data_base64": "AP8="}, b"\x00\xff", "binary", b'"AP8="'),
        ({"data_base64": "AP8=", "datacontenttype": "image/png"}, b"\x00\xff", "binary", b'"AP8="'),
        ({"data_base64": "WzFd", "datacontenttype": "a/json"}, b"[1]", "json", b"[1]"),
        (
            {"data_base64": "4oKs", "datacontenttype": "text/csv"},
            "€".encode(),
            "text",
            '"€"'.encode(),
        ),
        (
            {"data_base64": "/w==", "datacontenttype": "text/x;charset=koi8-r"},
            b"\xff",
            "binary",
            b'"/w=="',
        ),
        ({"data_base64": ""}, b"", "binary", b'""'),
    ],
)
def test_data_by_media_type(
    members: dict[str, str], data: bytes, kind: DataKind, as_json: bytes
) -> None:
    event = decode_structured(body(**members))
    assert (event.data, event.data_kind, event.json_data) == (data, kind, as_json)
    assert decode_structured(encode_structured(event)) == event


def test_no_data_has_no_json() -> None:
    assert decode_structured(body()).json_data is None


@pytest.mark.parametrize(
    "source",
    [
        "https://github.com/cloudevents",
        "mailto:cncf-wg-serverless@lists.cncf.io",
        "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66",
        "cloudevents/spec/pull/123",
        "/sensors/tn-1234567/alerts",
        "1-555-123-4567",
        "//host:80/a;b=c?d#e",
        "http://u:p@[2001:db8::1]:8080/%C3%A4?q=/?#/?",
        "http://[v1.a:b]",
        "?q",
        "#f",
        ".",
        "a:",
        "file:///etc",
    ],
)
def test_uri_references_are_taken_as_they_are(source: str) -> None:
    assert decode_structured(body(source=source)).source == source


@pytest.mark.parametrize(
    "time",
    [
        "2018-04-05T17:31:00Z",
        "2018-04-05t17:31:00.5z",
        "1996-12-19T16:39:57-08:00",
        "1996-12-19T16:39:57+23:59",
        "2024-02-29T00:00:00-00:00",
        "1990-12-31T23:59:60Z",
        "1990-12-31T15:59:60-08:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999999999Z",
    ],
)
def test_timestamps_are_kept_as_they_are(time: str) -> None:
    assert decode_structured(body(time=time)).time == time


def test_largest_sizes_are_taken() -> None:
    event = decode_structured(
        body(
            id="a" * 2_048,
            datacontenttype="a/" + "b" * 2_046,
            time="2026-11-23T05:48:18." + "1" * 43 + "Z",
            ext="ä" * 2_048,
            **{"n" * 64: -(2**31)},
            **{f"e{i}": 2**31 - 1 for i in range(30)},
            data_base64=base64.b64encode(bytes(1_048_576)).decode(),
        )
    )
    assert len(event.data or b"") == 1_048_576
    assert len(event.extensions) == 32


def test_limits_are_the_ones_passed_and_may_be_reached() -> None:
    limits = CloudEventLimits(max_data_bytes=3, max_batch_events=2, max_batch_bytes=300_000)
    assert decode_structured(body(data="a"), limits).data == b'"a"'
    assert decode_structured(body().ljust(limits.max_structured_bytes), limits) == minimal()
    both = encode_batch([minimal(), minimal()])
    assert decode_batch(both.ljust(300_000), limits) == [minimal(), minimal()]


def test_batch_keeps_order_and_may_be_empty() -> None:
    assert decode_batch(b" [ ] ") == []
    events = [minimal(id=str(n)) for n in range(3)]
    assert decode_batch(encode_batch(events)) == events
