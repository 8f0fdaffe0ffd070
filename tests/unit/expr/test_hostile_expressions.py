"""Expressions that would run or grow for ever end with a limit, in the engine's own loop."""

from __future__ import annotations

import json

import pytest

from engine.expr import ExpressionFault, compile_expression, loads
from engine.expr.budget import MAX_STEPS

BIG = loads(
    json.dumps(
        {
            "s": "ab" * 200_000,
            "t": "ab" * 100_000 + "ba" * 100_000,
            "l": list(range(20_000)),
            "o": {f"k{n}": {"v": n} for n in range(5_000)},
        }
    )
)
MANY = "(1, 1, 1, 1, 1, 1, 1, 1)"
HOSTILE = (
    "range(1e9)",
    "[range(1e9)]",
    "reduce range(1e9) as $i (0; . + 1)",
    "foreach range(1e9) as $i (0; . + 1; empty)",
    "first(range(1e9) | select(false))",
    "any(range(1e9); false)",
    '"a" * 2e9',
    '"a" * 1e308',
    'reduce range(60) as $i ("ab"; . + .)',
    "reduce range(60) as $i ([1, 2]; . + .)",
    "reduce range(60) as $i ([1]; [., .])",
    "reduce range(60) as $i ([1]; [., .]) | tojson",
    "reduce range(60) as $i ([1]; [., .]) | . == (reduce range(60) as $i ([1]; [., .]))",
    "reduce range(60) as $i ({a: 1}; {a: ., b: .})",
    "reduce range(100000) as $i (1; [.])",
    "reduce range(5000) as $i (1; [.]) | tojson",
    " | ".join(["[., .]"] * 40),
    " | ".join([MANY] * 12),
    "{" + ", ".join(f"k{n}: (1, 2, 3)" for n in range(15)) + "}",
    "[" + " + ".join(["(1, 2, 3, 4, 5, 6, 7, 8)"] * 8) + "]",
    "[.l[] as $x | .s == .t]",
    '[range(100000) as $i | .s | contains("zzz")]',
    "[range(10000) as $i | .l | sort]",
    "[range(10000) as $i | .o | keys]",
    "[range(10000) as $i | .o * .o]",
    "[range(10000) as $i | .s | ascii_downcase]",
    '[range(10000) as $i | .s / "a"]',
    "[range(10000) as $i | .s[1:]]",
    ".l - .l",
    '[.l[] | "\\(.)" * 1000]',
    "range(0; 1; 1e-300)",
    ". as $d | [range(1000) | $d]",
    "[., .] | [., .] | [., .] | [., .] | [., .]",
)


@pytest.mark.parametrize("program", HOSTILE)
def test_it_ends_with_a_limit(program: str) -> None:
    closure = compile_expression(program).closure
    assert closure is not None, "left to a worker: not what this test is about"
    with pytest.raises(ExpressionFault) as caught:
        closure(BIG, {})
    assert caught.value.code == "expression.limit"


@pytest.mark.parametrize("program", ["(@?)", "[@]", "{a: @}", "(@ | .)", '"\\(@)"'])
def test_nesting_of_brackets_has_a_limit(program: str) -> None:
    text = "."
    for _ in range(1_000):
        text = program.replace("@", text)
    with pytest.raises(ExpressionFault) as caught:
        compile_expression(text)
    assert caught.value.code == "expression.limit"


def test_nesting_without_brackets_goes_to_a_worker_and_overflows_no_stack() -> None:
    text = "."
    for _ in range(900):
        text = f"if . then {text} end"
    assert compile_expression(text).closure is None


@pytest.mark.parametrize("operator", [" + ", " // ", " | ", ", ", " and ", "==1|", " as $x | "])
def test_long_chains_compile_within_a_limit_or_go_to_a_worker(operator: str) -> None:
    for length in (20, 1_500, 3_000):
        expression = compile_expression(operator.join(["1"] * length)[:16_000])
        assert (expression.closure is None) == (length > 200)
        if expression.closure is not None:
            assert expression.closure(None, {})


def test_a_text_beyond_the_limit_is_refused() -> None:
    with pytest.raises(ExpressionFault) as caught:
        compile_expression("1" + "+1" * 10_000)
    assert caught.value.code == "expression.limit"


def test_a_limit_is_not_caught_by_a_question_mark_or_an_alternative() -> None:
    for program in ("[range(1e9)]?", "(range(1e9) | empty)? // 1", "first([range(1e9)]?) // 2"):
        closure = compile_expression(program).closure
        assert closure is not None
        with pytest.raises(ExpressionFault) as caught:
            closure(None, {})
        assert caught.value.code == "expression.limit"


def test_ordinary_work_on_large_data_stays_within_the_budget() -> None:
    closure = compile_expression("[.l[] | select(. % 2 == 0)] | length").closure
    assert closure is not None
    assert closure(BIG, {}) == [10_000]
    assert 8 * len(BIG["l"]) <= MAX_STEPS


def test_a_regular_expression_never_runs_in_the_engine() -> None:
    for program in (
        'test("^(a+)+$")',
        'match("a")',
        'sub("a"; "b")',
        '[splits("a+")]',
        'scan("a")',
    ):
        assert compile_expression(program).closure is None
