"""Closures give what libjq gives, on generated programs and inputs."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from engine.expr import compile_expression
from tests.property.expr_programs import (
    INPUTS,
    compare_mutant,
    compare_once,
    libjq_outputs,
    our_outputs,
    same,
)

PROGRAMS = 3_000
FIXED_SEED = 20_261_123


@pytest.mark.parametrize("seed", [FIXED_SEED, None], ids=["fixed", "fresh"])
def test_generated_programs_give_the_same_outputs_as_libjq(seed: int | None) -> None:
    seed = random.SystemRandom().randrange(1 << 32) if seed is None else seed
    print(f"seed {seed}")
    outcomes = Counter(
        compare_once(random.Random(f"{seed}/{place}")) for place in range(PROGRAMS // 2)
    )
    print(dict(outcomes))
    assert outcomes["value"] > PROGRAMS // 8, "too few programs have outputs to compare"


def test_mutants_that_compile_are_programs_for_libjq_with_the_same_outputs() -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    outcomes = Counter(compare_mutant(random.Random(f"{seed}/{place}")) for place in range(2_000))
    print(dict(outcomes))
    assert min(outcomes["refused"], outcomes["left to libjq"], outcomes["value"]) > 50


HAND_WRITTEN = (
    "[.[]? | (1, null, 2) // 3]",
    "(1, 2) + (10, 20)",
    "[limit(3; range(10))], [first(range(5; 9))]",
    '{("a", "b"): (1, 2), c: .a?}',
    '"\\(1, 2)-\\(3, 4)"',
    "[.[]?] | [.[(0, 1):(2, 3)]]",
    "{a: {b: 1, x: {y: 1}}} * {a: {c: 2, x: {z: 2}}}",
    "[0.1 + 0.2, 1 / 3, 1e17 * 1, 5 / 2, 10 / 5, 0 * -1, 1e308 * 10]",
    "12345678901234567890 + 0 == 12345678901234567890",
    "9007199254740993 == 9007199254740992",
    "9007199254740993 == (9007199254740992 + 0)",
    "[12345678901234567890, 12345678901234567891, 1.0, 1, 1.10] | unique, sort, (map(tostring))",
    "[1e2, 1e-7, 0.00001, 1.10, -0, 100] | map(tostring, tojson, (. + 0 | tostring))",
    "reduce (1, 2, 3) as $x (0; if $x == 2 then empty else . + $x end)",
    "[foreach range(5) as $x (0; . + $x; select(. % 2 == 0))]",
    "[1, [2, 3]] | .[1][0] as $x | [$x, (3 as $x | $x), $x]",
    "1 + 2 as $x | $x * 2",
    "[.[]? | tostring?]",
    '[3, null, true, [1], {}, "a", false, {"a": 1}] | sort, (group_by(type)), min, max',
    "[[1, 2], [1], [0, 5]] | sort, max, (sort_by(-.[0])), (unique_by(.[0]))",
    "{b: 1, a: 2} | keys, to_entries, with_entries({key, value: (.value + 1)}), map_values(-.)",
    '[{name: "x", value: 1}, {Key: "y", Value: false}] | from_entries',
    '"a,b" / ",", ("abc" | .[1:], .[:-1]), ("x" * 3), ("x" * 0), ("x" * -1)',
    '["1.10", "5.", ".5", "-0", "1e3", "12345678901234567890"] | map(tonumber)',
    '["a", 1, null, true] | join("-"), join(", ")',
    "[1, 2, 1] - [1], .[0:1]?",
    "if empty then 1 else 2 end, if (true, false) then 1 else 2 end, if false then 3 end",
    "any, all, (any(. == 1)?), (all(.[]?; . != null))",
    "[.[]?] | first, last, length, (.[-1:]), reverse",
    "$WORKFLOW.n, $WORKFLOW.a[1], $item",
)


@pytest.mark.parametrize("program", HAND_WRITTEN)
def test_chosen_programs_give_the_same_outputs_as_libjq(program: str) -> None:
    for data in INPUTS:
        ours, theirs = our_outputs(program, data), libjq_outputs(program, data)
        assert same(ours, theirs), f"input {data}: ours {ours}, libjq {theirs}"


def test_programs_outside_the_subset_are_left_to_workers() -> None:
    for program in (".a |= 1", "def f: .; f", "..", "try error catch .", 'test("a")', "@base64"):
        assert compile_expression(program).closure is None
        assert libjq_outputs(program, '"a"') is not None or program == ".a |= 1"


def test_the_comparison_itself_sees_differences() -> None:
    assert not same([1], [True])
    assert not same([1], ["1"])
    assert not same({"a": 1, "b": 2}, {"b": 2, "a": 1})
    assert same([1.0], [1])
