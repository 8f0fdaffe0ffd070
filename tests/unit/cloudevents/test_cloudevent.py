"""The value itself: equality, digest, look-up, construction."""

from typing import Any

import pytest

from engine.model.cloudevents.fault import CloudEventFault
from engine.model.cloudevents.http_binding import from_http, to_http_binary
from engine.model.cloudevents.json_format import decode_structured
from engine.model.cloudevents.nats_binding import from_nats, to_nats_binary
from tests.unit.cloudevents.samples import FULL, body, minimal

JSON_DATA = {"data": b'{"a":1}', "data_kind": "json"}


def test_equal_content_is_equal_and_hashes_alike() -> None:
    assert decode_structured(body(FULL)) == decode_structured(body(FULL))
    assert len({decode_structured(body(FULL)), decode_structured(body(FULL))}) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"id": "other"},
        {"source": "/other"},
        {"type": "other"},
        {"subject": "other"},
        {"time": "2026-01-01T00:00:00Z"},
        {"dataschema": "a:b"},
        {"datacontenttype": "text/json"},
        {"extensions": {"ext": "x"}},
        {"data": b'{"a":2}'},
        {"data": None, "data_kind": None},
    ],
)
def test_any_other_content_is_another_value_with_another_digest(change: dict[str, Any]) -> None:
    one, other = minimal(**JSON_DATA), minimal(**{**JSON_DATA, **change})
    assert one != other
    assert one.digest() != other.digest()


def test_extension_true_is_not_one() -> None:
    one, other = minimal(extensions={"a": True}), minimal(extensions={"a": 1})
    assert one != other
    assert one.digest() != other.digest()


def test_cloudevent_is_equal_to_nothing_else() -> None:
    assert minimal() != body()


def test_parts_of_the_digest_do_not_run_into_each_other() -> None:
    digests = {
        minimal(extensions={"a": "bc"}).digest(),
        minimal(extensions={"ab": "c"}).digest(),
        minimal(extensions={"a": "b", "c": ""}).digest(),
        minimal(extensions={"a": ""}, data=b"bc", data_kind="binary").digest(),
    }
    assert len(digests) == 4


def test_digest_is_of_the_content_whatever_the_binding() -> None:
    event = decode_structured(body(FULL))
    (over_http,) = from_http(*to_http_binary(event)).events
    assert not isinstance(over_http, CloudEventFault)
    assert over_http.digest() == event.digest()
    assert from_nats(*to_nats_binary(event)).digest() == event.digest()


def test_digest_passes_over_white_space_and_the_implied_media_type() -> None:
    spaced = minimal(data=b'{ "a" :\n1 }', data_kind="json", datacontenttype="application/json")
    assert spaced.digest() == minimal(**JSON_DATA).digest()
    assert minimal(data=b'{"a":1.0}', data_kind="json").digest() != minimal(**JSON_DATA).digest()


def test_digest_stays_the_same_across_versions() -> None:
    assert decode_structured(body(FULL)).digest().hex() == (
        "3bee7c0d51bd0e787547ca7274146ebf6872c79cd007ae2d9690b67a806ebbd5"
    )


def test_attribute_looks_up_core_and_extensions() -> None:
    event = decode_structured(body(FULL))
    assert event.attribute("type") == "com.example.order.placed"
    assert event.attribute("sequence") == 17
    assert event.attribute("nothing") is None
    assert minimal().attribute("subject") is None
    assert list(dict(minimal().attributes())) == ["specversion", "id", "source", "type"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"id": ""}, "cloudevent.bad_attribute"),
        ({"specversion": "0.3"}, "cloudevent.unsupported_version"),
        ({"extensions": {"Ext": "x"}}, "cloudevent.bad_attribute"),
        ({"extensions": {"type": "x"}}, "cloudevent.bad_attribute"),
        ({"extensions": {"data": "x"}}, "cloudevent.bad_attribute"),
        ({"extensions": {"a": 1.5}}, "cloudevent.bad_attribute"),
        ({"extensions": {"a": None}}, "cloudevent.bad_attribute"),
        ({"data": b"1"}, "cloudevent.bad_data"),
        ({"data_kind": "json"}, "cloudevent.bad_data"),
        ({"data": b"1", "data_kind": "text"}, "cloudevent.bad_data"),
        (
            {"data": b"1", "data_kind": "binary", "datacontenttype": "text/json"},
            "cloudevent.bad_data",
        ),
        ({"data": b"1", "data_kind": "json", "datacontenttype": "a/b"}, "cloudevent.bad_data"),
        (
            {"data": b"1", "data_kind": "text", "datacontenttype": "text/a; charset=koi8-r"},
            "cloudevent.bad_data",
        ),
    ],
)
def test_no_cloudevent_can_be_made_that_is_none(change: dict[str, Any], code: str) -> None:
    with pytest.raises(CloudEventFault) as refused:
        minimal(**change)
    assert refused.value.code == code
