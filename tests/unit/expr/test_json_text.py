"""JSON text and back: numbers keep their text, bad text has a code, depth has a limit."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.expr import JsonFault, LiteralNumber, compile_expression, dumps, loads
from schemas.numbers import ComputedNumber

NUMBERS = (
    *("0", "-0", "-0.0", "1", "1.0", "1.10", "1e2", "1E+2", "1e-7", "0.00001", "1e400", "-1e-400"),
    *("12345678901234567890", "0.1000000000000000055", "9007199254740993", "1e16", "1e+16", "1e22"),
    *("123456789012345678901234567890.123456789012345678901234567890", "5e-324", "0.1", "100.0"),
)


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_comes_out_as_it_went_in(text: str) -> None:
    document = f'{{"n":{text},"list":[{text},null],"date":"2026-01-02"}}'.encode()
    assert dumps(loads(document)) == document


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_keeps_its_text_through_paths_copies_and_merges(text: str) -> None:
    data = loads(f'{{"a":{{"b":[{text}]}}}}')
    outcomes = {
        ".a.b[0]": f"[{text}]",
        "{x: .a.b}": f'[{{"x":[{text}]}}]',
        ".a * {c: 1}": f'[{{"b":[{text}],"c":1}}]',
        ".a.b[] as $x | [$x, $x]": f"[[{text},{text}]]",
        "[.a.b[] | select(. != null)] | sort": f"[[{text}]]",
    }
    for program, expected in outcomes.items():
        closure = compile_expression(program).closure
        assert closure is not None
        assert dumps(closure(data, {})).decode() == expected


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.decimals(allow_nan=False, allow_infinity=False).map(lambda d: Decimal(f"{d:f}"))
        | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=20,
    )
)
def test_what_is_read_is_written_back_byte_for_byte(value: Any) -> None:
    text = _compact(value)
    assert dumps(loads(text)).decode() == text


def _compact(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, list):
        return "[" + ",".join(map(_compact, value)) + "]"
    if isinstance(value, dict):
        pairs = (f"{_compact(key)}:{_compact(member)}" for key, member in value.items())
        return "{" + ",".join(pairs) + "}"
    return dumps(value).decode() if isinstance(value, str) else json.dumps(value)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "json.malformed"),
        (b"[1,]", "json.malformed"),
        (b"NaN", "json.malformed"),
        (b"[Infinity]", "json.malformed"),
        (b"[-0,NaN]", "json.malformed"),
        (b"[1] 2", "json.malformed"),
        (b'"\xff"', "json.malformed"),
        (b'"\\ud800"', "json.malformed"),
        ("\ud800", "json.malformed"),
        (b"[" * 65 + b"]" * 65, "json.depth"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "json.depth"),
        (b"[" * 100_000 + b"]" * 100_000, "json.depth"),
        (b"1" * 5000, "json.number"),
        (b"0." + b"1" * 1000, "json.number"),
    ],
)
def test_bad_text_is_refused_with_its_code(text: bytes | str, code: str) -> None:
    with pytest.raises(JsonFault) as caught:
        loads(text)
    assert caught.value.code == code


def test_depth_counts_levels_and_not_brackets() -> None:
    assert loads(b"[" * 64 + b"]" * 64)
    assert loads(b"[" + b"[]," * 200 + b"[]]")
    assert loads(b'["' + b"[" * 500 + b'"]')
    assert loads(b"[[[]]]", max_depth=3) == [[[]]]
    with pytest.raises(JsonFault):
        loads(b"[[[]]]", max_depth=2)


@pytest.mark.parametrize("value", [math.nan, [math.inf], {"a": [-math.inf, None]}])
def test_what_is_no_number_is_not_written(value: object) -> None:
    with pytest.raises(JsonFault) as caught:
        dumps(value)
    assert caught.value.code == "json.number"


@pytest.mark.parametrize("value", ["\ud800", object(), {"a": 1j}])
def test_what_is_not_json_is_not_written(value: object) -> None:
    with pytest.raises(JsonFault) as caught:
        dumps(value)
    assert caught.value.code == "json.malformed"


def test_a_value_nested_too_deep_is_not_written() -> None:
    value: list[Any] = []
    for _ in range(64):
        value = [value]
    with pytest.raises(JsonFault) as caught:
        dumps(value)
    assert caught.value.code == "json.depth"


def test_numbers_are_plain_python_numbers_to_everybody_else() -> None:
    [whole, plain, kept] = loads(b"[1,1.5,1.10]")
    assert (type(whole), type(plain)) == (int, float)
    assert isinstance(kept, LiteralNumber)
    assert kept == 1.1
    assert dumps([ComputedNumber(1e300), ComputedNumber(0.1)]) == b"[1e+300,0.1]"
