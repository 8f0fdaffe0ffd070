"""Every class of malformed JSON format message gets its code, and spoils nothing after it."""

import base64
import json

import pytest

from engine.model.cloudevents.fault import CloudEventFault
from engine.model.cloudevents.json_format import decode_batch, decode_structured
from engine.model.cloudevents.limits import CloudEventLimits
from tests.unit.cloudevents.samples import FULL, MINIMAL, body, minimal, with_raw

LIMITS = CloudEventLimits(max_data_bytes=2_000, max_extensions=4)
GOOD = body()

MISSING = "cloudevent.missing_attribute"
BAD = "cloudevent.bad_attribute"
JSON = "cloudevent.bad_json"
DATA = "cloudevent.bad_data"
ENCODING = "cloudevent.bad_encoding"
LARGE = "cloudevent.too_large"
VERSION = "cloudevent.unsupported_version"
CONTENT_TYPE = "cloudevent.unsupported_content_type"

REQUIRED = ("specversion", "id", "source", "type")
TEXT = ("id", "source", "type", "subject", "time", "datacontenttype", "dataschema")

DATA_VALUES = ("1", "null", "{}", '["a"]', "true")

# class of malformation -> (code, messages)
REFUSED: dict[str, tuple[str, list[bytes]]] = {
    "a required attribute left out": (MISSING, [body(**{n: ...}) for n in REQUIRED]),
    "a required attribute null, which is left out": (
        MISSING,
        [body(**{n: None}) for n in REQUIRED],
    ),
    "an empty object": (MISSING, [b"{}", b" { } "]),
    "an empty string": (BAD, [body(**{n: ""}) for n in TEXT]),
    "a number for a string": (BAD, [body(**{n: 17}) for n in TEXT]),
    "an array for a string": (BAD, [body(**{n: ["a"]}) for n in TEXT]),
    "a boolean for a string": (BAD, [body(**{n: True}) for n in TEXT]),
    "another specversion": (
        VERSION,
        [body(specversion=v) for v in ("0.3", "1.1", "1.0.2", "1", "1.0 ", "2.0", 1.0, 1)],
    ),
    "an attribute name in upper case": (BAD, [body(Subject="x"), body(partitionKey="x")]),
    "an attribute name with a sign": (
        BAD,
        [body(**{n: "x"}) for n in ("trace-parent", "a_b", "a.b", "", " ", "a b", "$x", "ä")],
    ),
    "an attribute name of 65 characters": (BAD, [body(**{"a" * 65: "x"})]),
    "an attribute name in other digits": (BAD, [body(a٣="x"), body(**{"a²": "x"})]),
    "an extension that is an object": (BAD, [body(ext={}), body(ext={"a": 1})]),
    "an extension that is an array": (BAD, [body(ext=[]), body(ext=["x"])]),
    "an extension that is a fraction": (BAD, [body(ext=1.5), with_raw("ext", "1.0")]),
    "an extension with an exponent": (BAD, [with_raw("ext", "1e3"), with_raw("ext", "1E400")]),
    "an extension beyond 32 bits": (
        BAD,
        [body(ext=2**31), body(ext=-(2**31) - 1), body(ext=2**64), with_raw("ext", "9" * 900)],
    ),
    "a control character in an attribute": (
        BAD,
        [body(**{n: "a\nb"}) for n in TEXT] + [body(ext="a\x7fb"), body(ext="a\x85b")],
    ),
    "U+0000 in an attribute": (BAD, [body(id="a\x00"), body(type="\x00"), body(ext="a\x00b")]),
    "a noncharacter in an attribute": (
        BAD,
        [
            body(id="a\ufdd0"),
            body(subject="\uffff"),
            body(ext="\U0001fffe"),
            body(ext="\U0010ffff"),
        ],
    ),
    "a source that is no URI-reference": (
        BAD,
        [
            body(source=s)
            for s in ("a b", "http://[::1", "http://[fe80::1%25eth0]/", "%zz", "a%2", "ä", "a<b>")
        ]
        + [body(source=s) for s in ("1:b", ":a", "http://a:b:c", "http://[1.2]/", "a\\b", "#a#b")],
    ),
    "a dataschema that is no absolute URI": (
        BAD,
        [body(dataschema=s) for s in ("/schema", "schema", "//host/x", "http://a b", "?x", "1:x")],
    ),
    "a time that is no RFC 3339 timestamp": (
        BAD,
        [
            body(time=t)
            for t in (
                "yesterday",
                "2026-11-23",
                "2026-11-23T05:48:18",
                "2026-11-23 05:48:18Z",
                "20261123T054818Z",
                "2026-11-23T05:48Z",
                "2026-11-23T05:48:18.Z",
                "2026-11-23T05:48:18,5Z",
                "2026-11-23T05:48:18+0100",
                "2026-11-23T05:48:18Z ",
                "+2026-11-23T05:48:18Z",
                "٢٠٢٦-11-23T05:48:18Z",
                "2026-11-23T05:48:18." + "1" * 60 + "Z",
            )
        ],
    ),
    "a time that no calendar has": (
        BAD,
        [
            body(time=t)
            for t in (
                "2026-02-29T00:00:00Z",
                "2026-13-01T00:00:00Z",
                "2026-00-10T00:00:00Z",
                "2026-11-31T00:00:00Z",
                "0000-01-01T00:00:00Z",
                "2026-11-23T24:00:00Z",
                "2026-11-23T23:60:00Z",
                "2026-11-23T23:59:61Z",
                "2026-11-23T00:00:00+24:00",
                "0001-01-01T00:00:00+01:00",
                "9999-12-31T23:59:59-00:01",
            )
        ],
    ),
    "a leap second where none can be": (
        BAD,
        [body(time=t) for t in ("2026-11-23T23:59:60Z", "2026-12-31T23:59:60+01:00")],
    ),
    "a datacontenttype that is no media type": (
        BAD,
        [
            body(datacontenttype=t)
            for t in ("json", "a/", "/b", "a/b/c", "a/b;", "a/b; c", "a/b; c=", "a b/c", "a/b c")
        ]
        + [body(datacontenttype=t) for t in ('a/b; c="', "a/b; c=d; C=e", "ä/b", "a/b, c/d")],
    ),
    "an attribute too long": (
        LARGE,
        [body(**{n: "a" * 2_049}) for n in ("id", "source", "type", "subject")]
        + [body(id="ä" * 1_025), body(ext="a" * 4_097)],
    ),
    "a formatted attribute too long": (
        LARGE,
        [
            body(dataschema="https://h/" + "a" * 2_039),
            body(datacontenttype="a/" + "b" * 2_047),
            body(time="2026-11-23T05:48:18." + "1" * 2_029 + "Z"),
        ],
    ),
    "a datacontenttype of another type, beside data": (
        BAD,
        [body(datacontenttype=t, data=1) for t in (17, True, ["a/b"], {"a": "b"})]
        + [body(datacontenttype="json", data="a"), body(datacontenttype="json", data_base64="")],
    ),
    "too many extensions": (LARGE, [body(**{f"e{i}": "x" for i in range(5)})]),
    "data too large": (
        LARGE,
        [
            body(data="a" * 2_000),
            body(data_base64=base64.b64encode(bytes(2_001)).decode()),
            body(datacontenttype="text/plain", data="a" * 2_001),
        ],
    ),
    "a message too large": (LARGE, [b" " * 300_000 + GOOD]),
    "data and data_base64": (
        DATA,
        [body(data=1, data_base64="AA=="), body(data=None, data_base64="AA==")],
    ),
    "data_base64 that is not base64": (
        DATA,
        [body(data_base64=d) for d in ("%%%", "A", "AA", "AA=", "A A=", "AA==\n", "-_-_", "AA==A")]
        + [with_raw("data_base64", d) for d in ("17", "true", "{}", '["AA=="]')]
        + [body(data_base64="ÄÄ==")],
    ),
    "data that is no string under a text media type": (
        DATA,
        [with_raw("datacontenttype", f'"text/plain", "data": {d}') for d in DATA_VALUES]
        + [body(datacontenttype="application/xml", data={"a": 1})],
    ),
    "data that its charset cannot write": (
        DATA,
        [
            body(datacontenttype="text/plain; charset=iso-8859-1", data="€"),
            body(datacontenttype="text/plain; charset=us-ascii", data="é"),
        ],
    ),
    "data as a string of an unknown charset": (
        DATA,
        [body(datacontenttype="text/plain; charset=koi8-r", data="a")],
    ),
    "JSON in data_base64 that is no JSON": (
        JSON,
        [
            body(datacontenttype="application/json", data_base64=base64.b64encode(d).decode())
            for d in (b"{", b"{]", b"NaN", b"[1,]", b"", b'{"a":1,"a":1}')
        ],
    ),
    "JSON in data_base64 that is not UTF-8": (
        ENCODING,
        [body(datacontenttype="a/b+json", data_base64=base64.b64encode(b'"\xff"').decode())],
    ),
    "text in data_base64 that is not in its charset": (
        ENCODING,
        [
            body(datacontenttype="text/plain", data_base64="/w=="),
            body(datacontenttype="text/csv; charset=us-ascii", data_base64="/w=="),
        ],
    ),
    "JSON data in another charset": (
        CONTENT_TYPE,
        [
            body(datacontenttype="application/json; charset=utf-16", data={}),
            body(datacontenttype='application/json; charset="ISO-8859-1"', data=1),
            body(datacontenttype="application/json; charset=utf-16", data_base64="AAA="),
        ],
    ),
    "no JSON at all": (JSON, [b"", b" ", b"hello", b"<xml/>", b"\x00", b"specversion: 1.0"]),
    "no object": (JSON, [b"[]", b"null", b"17", b'"a"', b"true", b"[" + GOOD + b"]"]),
    "JSON cut short": (JSON, [GOOD[:n] for n in range(1, len(GOOD), 17)]),
    "trailing garbage": (JSON, [GOOD + b"x", GOOD + GOOD, GOOD + b",", GOOD + b"\x00"]),
    "lenient JSON": (
        JSON,
        [
            GOOD.replace(b"}", b",}"),
            GOOD.replace(b'"', b"'"),
            b"/* a */" + GOOD,
            GOOD.replace(b'"id"', b"id"),
            with_raw("data", "[1,]"),
            with_raw("data", "01"),
            with_raw("data", "+1"),
            with_raw("data", ".5"),
            with_raw("data", "1."),
            with_raw("data", "0x1F"),
            with_raw("data", "True"),
            with_raw("data", "undefined"),
        ],
    ),
    "NaN and Infinity": (
        JSON,
        [with_raw("data", v) for v in ("NaN", "Infinity", "-Infinity", '{"a":[NaN]}')]
        + [with_raw("ext", "NaN")],
    ),
    "duplicate attributes": (
        JSON,
        [with_raw("id", '"other"'), with_raw("type", '"x"'), with_raw("i\\u0064", '"other"')],
    ),
    "duplicate data members": (
        JSON,
        [
            with_raw("data", '1, "data": 2'),
            with_raw("data", '{"a": 1, "a": 2}'),
            with_raw("data", '[{"b": {"a": 1, "c": 0, "a": 1}}]'),
            with_raw("data", r'{"a": 1, "\u0061": 2}'),
            with_raw("data", '{"": 1, "": 2}'),
        ],
    ),
    "a lone surrogate": (
        JSON,
        [
            with_raw("ext", r'"\ud800"'),
            with_raw("ext", r'"\udc00"'),
            with_raw("data", r'"a\ud83d b"'),
            with_raw("data", r'{"\ude00\ud83d": 1}'),
            with_raw("data", r'["\ud800\ud800"]'),
        ],
    ),
    "a bad escape": (
        JSON,
        [with_raw("data", s) for s in (r'"\x41"', r'"\u12"', r'"\u12g4"', '"\\', r'"\U00000041"')],
    ),
    "a raw control character in a string": (
        JSON,
        [with_raw("data", b'"a\nb"'), with_raw("data", b'"\x00"'), with_raw("ext", b'"\t"')],
    ),
    "invalid UTF-8": (
        ENCODING,
        [
            with_raw("ext", b'"\xff"'),
            with_raw("data", b'"\xc0\xa0"'),
            with_raw("data", b'"\xed\xa0\x80"'),
            with_raw("data", b'{"\xf5": 1}'),
            GOOD.decode().encode("utf-16"),
            b"\xff" + GOOD,
        ],
    ),
    "a byte order mark": (ENCODING, [b"\xef\xbb\xbf" + GOOD]),
    "a number of more than 1000 digits": (
        JSON,
        [
            with_raw("data", "9" * 1_001),
            with_raw("data", "-" + "9" * 1_001),
            with_raw("data", "[1." + "3" * 1_000 + "]"),
            with_raw("data", "1" * 600 + "." + "3" * 600),
        ],
    ),
    "an exponent beyond 1000": (
        JSON,
        [with_raw("data", n) for n in ("1e1001", "1E+131073", "1e-99999", "1e" + "9" * 1_500)],
    ),
    "nesting beyond 64": (
        JSON,
        [
            with_raw("data", "[" * 65 + "]" * 65),
            with_raw("data", '{"a":' * 65 + "1" + "}" * 65),
            with_raw("data", "[" * 100_000 + "]" * 100_000),
            with_raw("data", "[" * 64 + "[]" + "]" * 64),
            with_raw("data", "[[]," * 64 + "[" + "]" * 65),
            with_raw("ext", "[" * 70),
            b"[" * 100_000,
            b'{"a":' * 20_000,
        ],
    ),
}

ROWS = [
    pytest.param(code, message, id=f"{name} {n}")
    for name, (code, messages) in REFUSED.items()
    for n, message in enumerate(messages)
]


@pytest.mark.parametrize(("code", "message"), ROWS)
def test_malformed_message_is_refused_with_its_code_and_the_next_good_one_is_taken(
    code: str, message: bytes
) -> None:
    with pytest.raises(CloudEventFault) as refused:
        decode_structured(message, LIMITS)
    assert refused.value.code == code
    assert len(refused.value.message) > 20
    assert len(repr(refused.value)) < 600
    assert refused.value.index is None
    assert decode_structured(GOOD, LIMITS) == minimal()


@pytest.mark.parametrize("name", REQUIRED)
def test_fault_of_an_attribute_points_to_it(name: str) -> None:
    with pytest.raises(CloudEventFault) as refused:
        decode_structured(body(**{name: ...}))
    assert refused.value.attribute == name
    assert refused.value.pointer == f"/{name}"


def test_fault_of_a_duplicate_member_names_it() -> None:
    with pytest.raises(CloudEventFault) as refused:
        decode_structured(with_raw("data", '{"a": 1, "b": 2, "b": 3}'))
    assert "'b' stands twice" in refused.value.message


def test_fault_repeats_little_of_a_hostile_name() -> None:
    with pytest.raises(CloudEventFault) as refused:
        decode_structured(body(**{"A/~" * 10_000: "x"}))
    assert len(refused.value.pointer) < 140
    assert refused.value.pointer.startswith("/A~1~0")


def test_bad_item_of_a_batch_has_its_own_fault_with_its_index() -> None:
    items = [FULL, {**MINIMAL, "id": ""}, MINIMAL, 17, {**MINIMAL, "specversion": "0.3"}]
    decoded = decode_batch(json.dumps(items).encode())
    codes = [item.code if isinstance(item, CloudEventFault) else None for item in decoded]
    assert codes == [None, BAD, None, JSON, VERSION]
    assert [item.pointer for item in decoded if isinstance(item, CloudEventFault)] == [
        "/1/id",
        "/3",
        "/4/specversion",
    ]
    assert decoded[2] == minimal()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (JSON, b""),
        (JSON, GOOD),
        (JSON, b"[" + GOOD),
        (JSON, b"[" + GOOD + b",]"),
        (JSON, b"[" * 100_000),
        (JSON, b"[{}] []"),
        (ENCODING, b"\xef\xbb\xbf[]"),
        (ENCODING, b'["\xff"]'),
        (LARGE, b"[" + b",".join([GOOD] * 11) + b"]"),
        (LARGE, b"[" + b" " * 200_000 + b"]"),
    ],
)
def test_batch_that_cannot_be_taken_apart_is_refused_as_a_whole(code: str, message: bytes) -> None:
    limits = CloudEventLimits(max_batch_events=10, max_batch_bytes=150_000)
    with pytest.raises(CloudEventFault) as refused:
        decode_batch(message, limits)
    assert refused.value.code == code
    assert decode_batch(b"[" + GOOD + b"]", limits) == [minimal()]
