"""The `cloudevents` SDK's class goes in and comes out, and the SDK agrees with what we write."""

import datetime
import json
import subprocess
import sys
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event, to_binary_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent as SdkCloudEvent
from hypothesis import given

from engine.adapters.cloudevents_sdk import from_sdk, to_sdk
from engine.model.cloudevents.cloudevent import CloudEvent
from engine.model.cloudevents.fault import CloudEventFault
from engine.model.cloudevents.http_binding import from_http, to_http_binary
from engine.model.cloudevents.json_format import decode_structured, encode_structured
from tests.unit.cloudevents.samples import FULL, MINIMAL, body, minimal
from tests.unit.cloudevents.strategies import any_cloudevents

MICRO = {**FULL, "time": "2026-11-23T05:48:18.123456Z"}
NOON = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)


def test_event_goes_to_the_sdk_and_back() -> None:
    event = decode_structured(body(MICRO))
    assert from_sdk(to_sdk(event)).digest() == event.digest()


@given(any_cloudevents)
def test_every_event_becomes_one_of_the_sdk_with_the_same_attributes(event: CloudEvent) -> None:
    given_out = to_sdk(event)
    attributes = {k: v for k, v in given_out.get_attributes().items() if k != "time"}
    assert attributes == {k: v for k, v in event.attributes() if k != "time"}
    assert (given_out.get_time() is None) == (event.time is None)


def test_payload_of_each_kind_becomes_what_the_sdk_holds_for_it() -> None:
    text = decode_structured(body(datacontenttype="text/plain; charset=latin1", data="é"))
    assert to_sdk(text).get_data() == "é"
    assert to_sdk(decode_structured(body(data=["é", 1]))).get_data() == ["é", 1]
    assert to_sdk(decode_structured(body(data_base64="/w=="))).get_data() == b"\xff"


def test_sdk_reads_what_we_write() -> None:
    event = decode_structured(body(MICRO))
    read = JSONFormat().read(None, encode_structured(event))
    assert read.get_attributes() == to_sdk(event).get_attributes()
    assert read.get_data() == MICRO["data"]
    pairs, content = to_http_binary(event)
    over_http = from_http_event(HTTPMessage(dict(pairs), content))
    assert over_http.get_subject() == "order 17"
    assert over_http.get_data() == MICRO["data"]


def test_we_read_what_the_sdk_writes() -> None:
    sdk = to_sdk(decode_structured(body(MICRO)))
    assert decode_structured(JSONFormat().write(sdk)).digest() == from_sdk(sdk).digest()
    message = to_binary_event(to_sdk(minimal(subject="Euro €", time=MICRO["time"])))
    (event,) = from_http(message.headers.items(), message.body).events
    assert event == minimal(subject="Euro €", time=MICRO["time"])


def test_missing_time_stays_missing() -> None:
    assert to_sdk(minimal()).get_time() is None
    assert from_sdk(to_sdk(minimal())) == minimal()


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2026-11-23T12:00:00.000000999Z", NOON),
        ("2026-11-23T17:30:00+05:30", NOON),
        (
            "1990-12-31T23:59:60.5Z",
            datetime.datetime(1990, 12, 31, 23, 59, 59, 999999, datetime.UTC),
        ),
    ],
)
def test_time_becomes_a_datetime(time: str, expected: datetime.datetime) -> None:
    assert to_sdk(minimal(time=time)).get_time() == expected


@pytest.mark.parametrize(
    ("content_type", "data", "kept", "kind"),
    [
        (None, {"a": [1, None]}, b'{"a":[1,null]}', "json"),
        (None, [True], b"[true]", "json"),
        ("application/json", "123", b'"123"', "json"),
        ("application/json", b"[1]", b"[1]", "json"),
        ("text/plain; charset=iso-8859-1", "é", b"\xe9", "text"),
        ("image/png", b"\xff", b"\xff", "binary"),
        (None, b"\xff", b"\xff", "binary"),
        ("application/json", None, None, None),
    ],
)
def test_sdk_data_by_media_type(
    content_type: str | None, data: Any, kept: bytes | None, kind: str | None
) -> None:
    attributes = {**MINIMAL, "time": NOON}
    if content_type is not None:
        attributes["datacontenttype"] = content_type
    event = from_sdk(SdkCloudEvent(attributes, data))
    assert (event.data, event.data_kind, event.time) == (kept, kind, "2026-11-23T12:00:00Z")


@pytest.mark.parametrize(
    ("changes", "data", "code"),
    [
        ({"source": "a b"}, None, "cloudevent.bad_attribute"),
        ({"ext": {"a": 1}}, None, "cloudevent.bad_attribute"),
        ({"ext": 1.5}, None, "cloudevent.bad_attribute"),
        ({"ext": datetime.datetime(2026, 1, 1)}, None, "cloudevent.bad_attribute"),  # noqa: DTZ001
        ({}, {"a": object()}, "cloudevent.bad_data"),
        ({"datacontenttype": "text/plain"}, {"a": 1}, "cloudevent.bad_data"),
        ({"datacontenttype": "application/json"}, b"{", "cloudevent.bad_json"),
        ({f"e{i}": "x" for i in range(33)}, None, "cloudevent.too_large"),
        ({}, "a" * 1_048_576, "cloudevent.too_large"),
        ({"datacontenttype": "text/plain"}, "a" * 1_048_577, "cloudevent.too_large"),
    ],
)
def test_sdk_event_that_is_none_is_refused(changes: dict[str, Any], data: Any, code: str) -> None:
    with pytest.raises(CloudEventFault) as refused:
        from_sdk(SdkCloudEvent({**MINIMAL, **changes}, data))
    assert refused.value.code == code


def test_binary_extension_becomes_base64() -> None:
    event = from_sdk(SdkCloudEvent({**MINIMAL, "ext": b"\x00\xff", "at": NOON}, None))
    assert event.extensions == {"ext": "AP8=", "at": "2026-11-23T12:00:00Z"}


def test_the_codec_itself_does_not_load_the_sdk() -> None:
    script = (
        "import sys, json, engine.model.cloudevents.http_binding, "
        "engine.model.cloudevents.nats_binding; "
        "print(json.dumps([m for m in sys.modules if m.split('.')[0] == 'cloudevents']))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert json.loads(done.stdout) == []
