"""Texts of definitions: which are expressions, which names they use, which are refused."""

from __future__ import annotations

import pytest

from engine.expr import (
    Expression,
    ExpressionFault,
    compile_expression,
    dumps,
    equal,
    loads,
    order,
    plain_path,
    single,
    unwrap,
)


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("${ .a }", ".a"),
        ("  ${.a}\n", ".a"),
        ('${ "}" }', '"}"'),
        ('${ {a: {b: "}{"}} }', '{a: {b: "}{"}}'),
        ('${ "\\(.a | "}")" }', '"\\(.a | "}")"'),
        ("${ .a } and ${ .b }", None),
        ("Order ${ .id }", None),
        ("${ .a } ", ".a"),
        ("${ .a", None),
        (".a", None),
        ("{{ .a }}", None),
        ("$ { .a }", None),
        ("${}", ""),
        ("${ .a | }", ".a |"),
        ("${ # } comment\n .a }", "# } comment\n .a"),
    ],
)
def test_unwrap_takes_only_one_whole_expression(text: str, program: str | None) -> None:
    assert unwrap(text) == program


@pytest.mark.parametrize(
    ("program", "path"),
    [
        (".", ()),
        (".a.b", ("a", "b")),
        ('.a["b c"].d', ("a", "b c", "d")),
        ('."a"."b"', ("a", "b")),
        (".a[0].b[-1]", ("a", 0, "b", -1)),
        ("(.a).b", ("a", "b")),
        (".a?", None),
        (".a[]", None),
        (".a[.b]", None),
        (".a[1.5]", None),
        (".a | .b", None),
        ("$x.a", None),
        (".a |= 1", None),
    ],
)
def test_plain_paths_are_recognised(program: str, path: tuple[str | int, ...] | None) -> None:
    assert plain_path(program) == path


@pytest.mark.parametrize(
    ("program", "names"),
    [
        (".a", set()),
        ("$WORKFLOW.id + $item", {"WORKFLOW", "item"}),
        (". as $x | $x + $y", {"y"}),
        ("(. as $x | $x) + $x", {"x"}),
        ("reduce .[] as $i (0; . + $i) | $i", {"i"}),
        ('"\\($CONST.name)"', {"CONST"}),
        ("{$SECRETS}", {"SECRETS"}),
        ("def f($a): $a + $b; f(1)", {"b"}),
        (". as [$p, {q: $q}] | $p + $q + $r", {"r"}),
        (".a |= $z", {"z"}),
        ("label $out | 1, break $out", set()),
        ("$__loc__", set()),
    ],
)
def test_free_variables_are_found_also_in_programs_for_workers(
    program: str, names: set[str]
) -> None:
    assert compile_expression(program).variables == names


@pytest.mark.parametrize(
    "program",
    [
        *("now", "env", "$ENV", "input", "inputs", "debug", "debug(1)", "stderr", "halt"),
        *("halt_error", "halt_error(1)", "input_filename", "input_line_number", "modulemeta"),
        *("get_search_list", "localtime", "strflocaltime(1)", "$__prog_args", ".a |= now"),
        *('"\\(now)"', '"\\("\\($ENV)")"', "{a: now}", "{(now): 1}", "[.[] | env.HOME]"),
        *('import "a" as $a; 1', 'include "a"; 1', "def f: env; f", "{a, b: env}"),
    ],
)
def test_names_that_reach_outside_are_refused(program: str) -> None:
    with pytest.raises(ExpressionFault) as caught:
        compile_expression(program)
    assert caught.value.code == "expression.refused"


def test_the_clock_is_refused_with_what_to_use_instead() -> None:
    with pytest.raises(ExpressionFault, match=r"\$WORKFLOW"):
        compile_expression("now | todate")


@pytest.mark.parametrize(
    "program", [".now", '{now: 1}."now"', "{env}", '"now"', ".input.env", "{debug: .halt}"]
)
def test_data_may_bear_the_names_of_refused_functions(program: str) -> None:
    assert compile_expression(program).closure is not None


@pytest.mark.parametrize(
    "program", ["", "  ", '"open', "(.a", ".a)", "[1}", "\\", '"\\x"', '"\\ud800"', '"\\(1"', "é"]
)
def test_what_is_surely_not_jq_is_a_syntax_error(program: str) -> None:
    with pytest.raises(ExpressionFault) as caught:
        compile_expression(program)
    assert caught.value.code == "expression.syntax"


@pytest.mark.parametrize("program", [".a |", "1 == 1 == 1", "nosuch(1)", ".a.1", "1 2", "{(1): 2}"])
def test_what_only_libjq_can_judge_is_left_to_a_worker(program: str) -> None:
    assert compile_expression(program).closure is None


def test_the_same_text_is_compiled_once() -> None:
    assert compile_expression(".cached.text") is compile_expression(".cached.text")


def test_a_variable_that_is_not_given_is_an_error_and_not_null() -> None:
    closure = compile_expression("$WORKFLOW.id").closure
    assert closure is not None
    assert closure(None, {"WORKFLOW": {"id": "w"}, "OTHER": 1}) == ["w"]
    with pytest.raises(ExpressionFault, match=r"\$WORKFLOW"):
        closure(None, {})


def test_evaluation_changes_neither_input_nor_program() -> None:
    data = loads(b'{"a":[3,1,2],"o":{"x":{"y":1}}}')
    before = dumps(data)
    program = "(.a | sort, reverse), .a + [4], .o * {x: {z: 1}}, (.a as $v | reduce $v[] as $i ([];"
    closure = compile_expression(program + " . + [$i])), {} + {a: []}, [] + []").closure
    assert closure is not None
    first = dumps(closure(data, {}))
    assert dumps(closure(data, {})) == first
    assert dumps(data) == before


def test_single_is_the_decision_on_several_outputs() -> None:
    assert single([]) is None
    assert single([[]]) == []
    assert single([None]) is None
    assert single([1, None]) == [1, None]


def test_equality_is_by_json_type() -> None:
    one, also_one, other = loads(b"[1,1.0,1.0000000000000000001]")
    assert equal(one, also_one)
    assert not equal(one, other)
    assert not equal(1, True)
    assert not equal(0, False)
    assert not equal("1", 1)
    assert not equal([1, {"a": True}], [1, {"a": 1}])
    assert equal({"a": 1, "b": [None]}, {"b": [None], "a": 1})


def test_order_goes_from_null_to_objects() -> None:
    ascending = [None, False, True, -1, 0.5, 1, "", "B", "a", "é", [], [0], [1], {}, {"a": 1}]
    for place, value in enumerate(ascending):
        assert order(value, value) == 0
        for larger in ascending[place + 1 :]:
            assert (order(value, larger), order(larger, value)) == (-1, 1)


def test_an_expression_is_an_immutable_value() -> None:
    expression = compile_expression(".a")
    assert expression == Expression(".a", frozenset(), ("a",))
    with pytest.raises(AttributeError):
        expression.source = ".b"  # type: ignore[misc]
