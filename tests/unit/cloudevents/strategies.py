"""Generated CloudEvents, all valid."""

import json
from typing import Any

from hypothesis import strategies as st

from engine.model.cloudevents.attributes import CORE
from engine.model.cloudevents.cloudevent import CloudEvent

_NONCHARACTERS = {chr(code) for code in range(0xFDD0, 0xFDF0)} | {
    chr(plane * 0x10000 + last) for plane in range(17) for last in (0xFFFE, 0xFFFF)
}
_ANY_CHARACTERS = st.characters(exclude_categories=["Cs"])
_CHARACTERS = st.characters(
    exclude_categories=["Cs", "Cc"], exclude_characters="".join(sorted(_NONCHARACTERS))
)
texts = st.text(_CHARACTERS, min_size=1, max_size=40)
names = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=20).filter(
    lambda name: name not in CORE and name != "data"
)
sources = st.sampled_from(["/a", "urn:x:1", "https://h/%C3%A4?b=c#d", "//h:1", "1-555", "a/b:c"])
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(_ANY_CHARACTERS),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)
json_texts = st.builds(
    lambda value, indent, ascii_only: json.dumps(
        value, indent=indent, ensure_ascii=ascii_only
    ).encode(),
    json_values,
    st.sampled_from([None, 1]),
    st.booleans(),
)


def _payloads() -> st.SearchStrategy[dict[str, Any]]:
    as_json = st.fixed_dictionaries(
        {
            "datacontenttype": st.sampled_from([None, "application/json", "a/b+json; v=1"]),
            "data": json_texts,
            "data_kind": st.just("json"),
        }
    )
    as_text = st.fixed_dictionaries(
        {
            "datacontenttype": st.sampled_from(["text/plain", "text/csv; charset=utf-8"]),
            "data": st.text(_ANY_CHARACTERS, min_size=1).map(str.encode),
            "data_kind": st.just("text"),
        }
    )
    as_binary = st.fixed_dictionaries(
        {
            "datacontenttype": st.sampled_from([None, "image/png", "text/x; charset=koi8-r"]),
            "data": st.binary(min_size=1),
            "data_kind": st.just("binary"),
        }
    )
    nothing = st.fixed_dictionaries({"datacontenttype": st.sampled_from([None, "a/b", "a/json"])})
    return as_json | as_text | as_binary | nothing


def cloudevents(extension_values: st.SearchStrategy[Any]) -> st.SearchStrategy[CloudEvent]:
    """CloudEvents of every kind of payload, with the given values as extensions."""
    attributes = st.fixed_dictionaries(
        {"id": texts, "source": sources, "type": texts},
        optional={
            "subject": texts,
            "time": st.sampled_from(
                ["2026-01-31T12:00:00.123456789+05:30", "1990-12-31T23:59:60Z"]
            ),
            "dataschema": st.just("https://h/s#/a"),
            "extensions": st.dictionaries(names, extension_values, max_size=4),
        },
    )
    return st.builds(lambda given, payload: CloudEvent(**given, **payload), attributes, _payloads())


any_cloudevents = cloudevents(
    st.booleans() | st.integers(-(2**31), 2**31 - 1) | st.text(_CHARACTERS, max_size=20)
)
"""With extensions of every type."""

string_cloudevents = cloudevents(texts)
"""With extensions that headers carry unchanged: strings, not empty."""
