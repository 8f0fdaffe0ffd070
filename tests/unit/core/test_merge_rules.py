"""Merging as DSL 0.8 describes it, places, and what a journal of writes makes."""

import pytest

from engine.core.merge import DataFault, apply, merge, put_at, result_of, value_at
from engine.expr import compile_expression
from schemas.events import Write
from schemas.json_text import dumps, loads


@pytest.mark.parametrize(
    ("existing", "incoming", "merged"),
    [
        ("{}", "{}", "{}"),
        ('{"a":1,"b":2}', '{"b":3,"c":4}', '{"a":1,"b":3,"c":4}'),
        ('{"a":{"x":1,"y":[1]}}', '{"a":{"y":[2],"z":0}}', '{"a":{"x":1,"y":[1,2],"z":0}}'),
        ('{"a":{"x":1}}', '{"a":2}', '{"a":2}'),
        ('{"a":[1]}', '{"a":{"x":1}}', '{"a":{"x":1}}'),
        ('{"a":1}', '{"a":null}', '{"a":null}'),
        ("[1,2]", "[2,3,3]", "[1,2,3]"),
        ("[1,1]", "[]", "[1]"),
        ('[1,true,"1",null]', "[true,1.0,0,false]", '[1,true,"1",null,0,false]'),
        ('[{"a":1,"b":2}]', '[{"b":2,"a":1},{"a":1}]', '[{"a":1,"b":2},{"a":1}]'),
        ("[1.10]", "[1.1, 11e-1]", "[1.10]"),
        ("[0.1]", "[0.1000000000000000001]", "[0.1,0.1000000000000000001]"),
        ("[1e400]", "[2e400, 10e399]", "[1e400,2e400]"),
        ('"text"', "5", "5"),
        ("true", '"x"', '"x"'),
        ("null", "[1]", "[1]"),
        ('{"a":1}', "null", "null"),
    ],
)
def test_what_is_merged(existing, incoming, merged):
    before = loads(existing)
    assert dumps(merge(before, loads(incoming))).decode() == merged
    assert dumps(before).decode() == existing


@pytest.mark.parametrize(
    ("existing", "incoming"), [("{}", "1"), ("[]", "{}"), ('"x"', "[]"), ("{}", "[]")]
)
def test_objects_arrays_and_scalars_do_not_mix_at_the_place_of_a_merge(existing, incoming):
    with pytest.raises(DataFault) as fault:
        merge(loads(existing), loads(incoming))
    assert fault.value.code == "data.type"


def test_a_place_is_made_on_the_way_and_the_data_given_stays_as_it_is():
    data = {"a": {"keep": 1}, "n": None}
    assert put_at(data, ("a", "b", "c"), 2) == {"a": {"keep": 1, "b": {"c": 2}}, "n": None}
    assert put_at(data, ("n", "x"), 2) == {"a": {"keep": 1}, "n": {"x": 2}}
    assert data == {"a": {"keep": 1}, "n": None}
    assert put_at({"a": [1, 2]}, ("a", 1), 3) == {"a": [1, 3]}
    assert value_at({"a": [1, {"b": 2}]}, ("a", 1, "b")) == 2


@pytest.mark.parametrize(
    ("data", "path"), [({"a": 1}, ("a", "b")), ({"a": []}, ("a", 0)), (5, ("a",))]
)
def test_a_place_that_cannot_be_is_a_data_fault(data, path):
    with pytest.raises(DataFault):
        put_at(data, path, 1)


def test_appending_keeps_equal_elements_and_wants_an_array():
    write = Write(path=("out",), mode="append")
    assert apply({"out": [1]}, write, [1, 2]) == {"out": [1, 1, 2]}
    assert apply({}, write, []) == {"out": []}
    with pytest.raises(DataFault):
        apply({"out": {}}, write, [1])


def test_the_result_of_an_iteration_is_what_its_writes_make_alone():
    assert result_of(()) is None
    assert result_of((Write(value={"a": 1}), Write(path=("l",), value=[1]))) == {"a": 1, "l": [1]}
    assert result_of((Write(mode="result", value=5),)) == 5
    assert result_of((Write(value={"a": 1}), Write(mode="result", value=[1]))) == [1]
    assert result_of((Write(mode="result", value=5), Write(value={"a": 1}))) == {"a": 1}


def test_numbers_beyond_any_exponent_are_merged_like_others():
    """Exponents of more than 18 digits are numbers in JSON."""
    large, small = loads(b"[1e9999999999999999999, 2]"), loads(b"[-1e9999999999999999999, 2, 1e9]")
    assert dumps(merge(large, small)) == (b"[1e9999999999999999999,2,-1e9999999999999999999,1e9]")
    assert dumps(merge(large, large)) == dumps(large)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (". == .", b"true"), (". > 3", b"true"), ("-.", b"-1.7976931348623157e+308"),
        ("[., 2] | sort | .[1]", b"1e9999999999999999999"), (". + 1", b"1.7976931348623157e+308"),
        ("tostring", b'"1.7976931348623157e+308"'), ("[., .] | unique | length", b"1"),
    ],
)  # fmt: skip
def test_expressions_calculate_with_numbers_beyond_any_exponent(source, expected):
    closure = compile_expression(source).closure
    assert dumps(closure(loads(b"1e9999999999999999999"), {})[0]) == expected
