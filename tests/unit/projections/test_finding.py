"""By what an execution is found: every scalar of its input and output, numbers by their value."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.views.finding import (
    MAX_SCALARS,
    BadCondition,
    condition_key,
    keys_of,
    label_key,
)
from schemas.json_text import loads

ORDER = b"""{"customer": {"id": 42, "name": "Ann", "a.b": true, "none": null},
 "items": [{"sku": "A-1", "tags": ["x", "y"]}, {"sku": "B-2"}], "big": 12345678901234567890,
 "price": 1.10, "whole": 2.0, "text": "42", "zero": -0}"""


def found(condition: str, value: bytes = ORDER, side: str = "input") -> bool:
    return condition_key("ns", condition) in keys_of("ns", side, loads(value))


@pytest.mark.parametrize(
    "condition",
    [
        "input.customer.id=42",
        "input.customer.id=42.0",
        "input.customer.id=4.2e1",
        'input.customer.name="Ann"',
        "input.customer.name=Ann",
        " input.customer.name = Ann ",
        'input.customer["a.b"]=true',
        'input["customer"]["id"]=42',
        "input.customer.none=null",
        "input.items[0].sku=A-1",
        "input.items[1].sku=B-2",
        "input.items[].sku=B-2",
        "input.items[0].tags[1]=y",
        "input.items[].tags[]=y",
        "input.big=12345678901234567890",
        "input.big=1.234567890123456789e19",
        "input.price=1.1",
        "input.whole=2",
        'input.text="42"',
        "input.zero=0",
    ],
)
def test_a_value_is_found_at_its_place(condition: str) -> None:
    assert found(condition)


@pytest.mark.parametrize(
    "condition",
    [
        "input.customer.id=43",
        'input.customer.id="42"',
        "input.text=42",
        "input.big=12345678901234567891",
        "input.items[1].sku=A-1",
        "input.items.sku=A-1",
        "output.customer.id=42",
        "input.customer.none=false",
        "input=42",
    ],
)
def test_another_value_or_place_is_not_found(condition: str) -> None:
    assert not found(condition)


def test_a_scalar_alone_is_found() -> None:
    assert found("output=7", b"7", "output")
    assert found('input=""', b'""')


def test_names_with_quotes_and_backslashes_are_found() -> None:
    value = rb'{"a\\": 1, "b\"=": 2}'
    assert found(r'input["a\\"]=1', value)
    assert found(r'input["b\"="]=2', value)


def test_namespaces_do_not_see_each_other() -> None:
    assert condition_key("other", "input=7") not in keys_of("ns", "input", 7)


def test_a_label_is_not_a_value() -> None:
    assert label_key("ns", "input", "x") not in keys_of("ns", "input", "x")


@pytest.mark.parametrize(
    "condition",
    ["", "input", "input.a", "label.a=1", "inputs=1", "input..a=1", "input.a[x]=1", "input.a[=1",
     'input["a]=1', "input={}", "input.a=[1]", "input.a.=1", "input[1]a=2",
     "input.items[0].tags[]=y", "input.items[].tags[0]=y"],
)  # fmt: skip
def test_a_bad_condition_is_refused_in_words(condition: str) -> None:
    with pytest.raises(BadCondition) as caught:
        condition_key("ns", condition)
    assert len(str(caught.value)) > 20


def test_only_the_first_scalars_of_a_large_value_are_keys() -> None:
    value = {f"m{number}": number for number in range(10 * MAX_SCALARS)}
    keys = keys_of("ns", "input", value)
    assert len(keys) == MAX_SCALARS
    assert condition_key("ns", f"input.m{MAX_SCALARS - 1}={MAX_SCALARS - 1}") in keys
    assert condition_key("ns", f"input.m{MAX_SCALARS}={MAX_SCALARS}") not in keys


def test_endless_nests_of_empty_things_are_left() -> None:
    assert keys_of("ns", "input", [[] for _ in range(200_000)]) == set()
    deep: object = 1
    for _ in range(500):
        deep = [deep]
    assert keys_of("ns", "input", deep) == set()


def test_texts_that_postgres_cannot_hold_are_found() -> None:
    assert found('input.a="x\\u0000y"', b'{"a": "x\\u0000y"}')


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(
    allow_nan=False, allow_infinity=False
)  # fmt: skip
PLAIN = st.text("abc_-é0", min_size=1, max_size=4)


@given(st.lists(PLAIN | st.integers(0, 3), max_size=4), SCALARS)
def test_whatever_stands_somewhere_is_found_there(path: list[str | int], scalar: object) -> None:
    value, place = scalar, ""
    for step in reversed(path):
        value = {step: value} if isinstance(step, str) else [None] * step + [value]
    for step in path:
        place += f"[{step}]" if isinstance(step, int) else f"[{json.dumps(step)}]"
    text = json.dumps(value).encode()
    assert found(f"input{place}={json.dumps(scalar)}", text)
