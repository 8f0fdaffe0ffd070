"""Random jq programs of the compiled subset, random inputs, and libjq's answers to them."""

from __future__ import annotations

import random
import re
from decimal import Decimal
from typing import Any

import jq

from engine.expr import ExpressionFault, compile_expression, dumps, loads
from schemas.numbers import number_to_text

KEYS = ("a", "b", "c", "d")
NUMBERS = (
    *("0", "1", "2", "3", "-1", "-2", "10", "100", "0.5", "1.5", "2.5", "-0.5", "1.0", "1.10"),
    *("1e2", "1E-3", "0.1", "0.2", "0.3", "1e308", "-1e308", "1e-400", "1e400", "9007199254740991"),
    *("9007199254740992", "9007199254740993", "12345678901234567890", "12345678901234567891"),
    *("0.1000000000000000055", "123456789.123456789", "1e17", "1e15", "1e16", "1e-5", "1e-7"),
    *("-0", "-0.0", "1234567890123456789012345678901234567890", "0.30000000000000004"),
)
STRINGS = (
    *('""', '"a"', '"b"', '"abc"', '"a,b,c"', '"1"', '"1.10"', '" 1"', '"-3e2"', '"x\\ny"'),
    *('"\\u00e9"', '"\\ud83d\\ude00z"', '"ABC"', '"0"', '"\\u0000"', '"\\u007f"', '"key"', '"a b"'),
    *('"nul"', '"01"', '".5"', '"+1"', '"5."'),
)
FUNCTIONS_0 = (
    *("length", "not", "type", "keys", "tostring", "tojson", "tonumber", "to_entries", "reverse"),
    *("from_entries", "sort", "unique", "min", "max", "first", "last", "flatten", "error", "floor"),
    *("ceil", "ascii_downcase", "ascii_upcase", "add", "any", "all", "empty", "nulls", "booleans"),
    *("numbers", "strings", "arrays", "objects", "iterables", "scalars", "values"),
)
FUNCTIONS_1 = (
    *("map", "select", "map_values", "first", "last", "isempty", "any", "all", "sort_by"),
    *("group_by", "unique_by", "min_by", "max_by", "with_entries", "has", "in", "nth", "join"),
    *("split", "startswith", "endswith", "ltrimstr", "rtrimstr", "contains", "inside", "error"),
    *("add", "range"),
)
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


class Programs:
    """A source of programs that libjq and our compiler both accept; bounded in what they do."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.variables: list[str] = ["WORKFLOW", "item"]

    def program(self, depth: int = 4) -> str:
        return self.pipe(depth)

    def pick(self, options: tuple[Any, ...]) -> Any:
        return self.chance.choice(options)

    def pipe(self, depth: int) -> str:
        parts = [self.comma(depth)]
        while depth > 1 and self.chance.random() < 0.35:
            parts.append(self.comma(depth - 1))
        return self.pick((" | ", "|")).join(parts)

    def comma(self, depth: int) -> str:
        if depth > 1 and self.chance.random() < 0.12:
            return f"{self.operation(depth - 1)}, {self.operation(depth - 1)}"
        return self.operation(depth)

    def operation(self, depth: int) -> str:
        if depth <= 0 or self.chance.random() < 0.5:
            return self.term(depth)
        kind = self.chance.random()
        left, right = self.operation(depth - 1), self.operation(depth - 1)
        if kind < 0.45:
            return f"{left} {self.pick(('+', '+', '-', '*', '/', '%'))} {right}"
        if kind < 0.65:
            return f"(({left}) {self.pick(COMPARISONS)} ({right}))"
        if kind < 0.72:
            bare = f"{self.term(depth - 1)} {self.pick(COMPARISONS)} {self.term(depth - 1)}"
            return f"({bare} {self.pick(('and', 'or'))} {right})"
        if kind < 0.8:
            return f"{left} {self.pick(('and', 'or'))} {right}"
        if kind < 0.93:
            return f"{left} // {right}"
        return f"-({self.term(depth - 1)})"

    def term(self, depth: int) -> str:
        if depth <= 0:
            return self.leaf()
        text = self.pick((self.leaf, self.leaf, self.path, self.path, self.construct, self.call))
        produced = text() if text == self.leaf else text(depth)
        if self.chance.random() < 0.08:
            produced = f"({self.control(depth)})"
        if self.chance.random() < 0.15:
            produced += " " + self.suffix(depth - 1)
        if self.chance.random() < 0.06:
            produced += "?"
        return produced

    def leaf(self) -> str:
        roll = self.chance.random()
        if roll < 0.3:
            return f".{self.pick(KEYS)}"
        if roll < 0.5:
            return "."
        if roll < 0.62:
            return self.pick(NUMBERS)
        if roll < 0.78:
            return self.pick(STRINGS)
        if roll < 0.86:
            return self.pick(("null", "true", "false", "[]", "{}"))
        if roll < 0.93 and self.variables:
            return "$" + self.chance.choice(self.variables)
        return self.pick((".[]", ".[]?", ".[0]", ".[-1]", ".a?", ".items", '."b"', ".a.b"))

    def path(self, depth: int) -> str:
        start = self.pick((". ", f".{self.pick(KEYS)}", ".items", ".[0]", ".[]"))
        for _ in range(self.chance.randrange(1, 3)):
            start += self.suffix(depth - 1)
        return start

    def suffix(self, depth: int) -> str:
        roll = self.chance.random()
        if roll < 0.3:
            return f".{self.pick(KEYS)}"
        if roll < 0.45:
            return self.pick(("[]", "[]?", "[0]", "[-1]", "[1.7]", "[1e9]", '["a"]', '["b"]?'))
        if roll < 0.6:
            low, high = (
                self.pick(("0", "1", "-1", "-2", "0.5")),
                self.pick(("2", "-1", "10", "1.5")),
            )
            return self.pick((f"[{low}:{high}]", f"[{low}:]", f"[:{high}]", f"[{low}:]?"))
        if roll < 0.8:
            return f"[{self.pipe(depth)}]"
        return self.pick((f".[{self.pipe(depth)}]", f'."{self.pick(KEYS)}"', ".[]", ".[0]"))

    def construct(self, depth: int) -> str:
        roll = self.chance.random()
        if roll < 0.35:
            return f"[{self.pipe(depth - 1)}]"
        if roll < 0.8:
            count = self.chance.randrange(0, 4)
            return "{" + ", ".join(self.member(depth - 1) for _ in range(count)) + "}"
        pieces = [self.pick(("x", "", "é", " - ")), f"\\({self.pipe(depth - 1)})"]
        if self.chance.random() < 0.4:
            pieces.append(f"\\({self.leaf()})")
        return '"' + "".join(pieces) + '"'

    def member(self, depth: int) -> str:
        key = self.pick((*KEYS, '"a"', '"b c"', "if", "and", f'"\\({self.leaf()})"'))
        roll = self.chance.random()
        if roll < 0.15:
            return f"{self.pick(KEYS)}"
        if roll < 0.25 and self.variables:
            return "$" + self.chance.choice(self.variables)
        if roll < 0.35:
            return f"({self.term(depth)}|tostring): {self.term(depth)}"
        if roll < 0.45:
            return f"({self.path(1)}): {self.term(depth)}"
        if roll < 0.6:
            return f"{key}: {self.operation(depth)}"
        if roll < 0.66:
            return f"{key}: {self.term(depth)} | {self.term(depth)}"
        return f"{key}: {self.term(depth)}"

    def call(self, depth: int) -> str:
        roll = self.chance.random()
        if roll < 0.45:
            return self.pick(FUNCTIONS_0)
        if roll < 0.9:
            name = self.pick(FUNCTIONS_1)
            if name == "range":
                return f"range({self.pick(('0', '3', '2.5', '-1', '.a|numbers|select(. < 9)'))})"
            return f"{name}({self.pipe(depth - 1)})"
        return self.pick(
            (
                f"limit({self.pick(('0', '1', '2', '1.5'))}; {self.pipe(depth - 1)})",
                f"any({self.pipe(depth - 1)}; {self.pipe(depth - 1)})",
                f"all({self.pipe(depth - 1)}; {self.pipe(depth - 1)})",
                f"range({self.pick(('0', '1', '0,1', '1.10'))}; {self.pick(('3', '4,2', '2.5'))})",
                f"range(0; {self.pick(('3', '-3'))}; {self.pick(('1', '-1', '0.7', '2', '0'))})",
            )
        )

    def control(self, depth: int) -> str:
        roll = self.chance.random()
        if roll < 0.4:
            text = f"if {self.pipe(depth - 1)} then {self.pipe(depth - 1)}"
            if self.chance.random() < 0.3:
                text += f" elif {self.pipe(depth - 1)} then {self.pipe(depth - 1)}"
            if self.chance.random() < 0.7:
                text += f" else {self.pipe(depth - 1)}"
            return text + " end"
        name = self.pick(("x", "y", "item"))
        source = self.pick(
            (".[]?", "(1,2)", ".a", f"({self.pipe(depth - 1)})", self.operation(depth - 1))
        )
        self.variables.append(name)
        body = self.pipe(depth - 1)
        second = self.pipe(depth - 2)
        self.variables.pop()
        start = self.pick(("0", "null", "[]", "{}", '""', self.leaf()))
        if roll < 0.65:
            return f"{source} as ${name} | {body}"
        if roll < 0.85:
            return f"reduce {source} as ${name} ({start}; {body})"
        return self.pick(
            (
                f"foreach {source} as ${name} ({start}; {body})",
                f"foreach {source} as ${name} ({start}; {body}; {second})",
            )
        )


MUTANT_TOKENS = (
    *(".", "..", "|", ",", ";", ":", "?", "(", ")", "[", "]", "{", "}", "//", "?//", "==", "<"),
    *(
        "+",
        "-",
        "*",
        "/",
        "%",
        "and",
        "or",
        "not",
        "if",
        "then",
        "else",
        "end",
        "as",
        "$x",
        "$item",
    ),
    *(
        "reduce",
        "foreach",
        "1",
        ".5",
        "1.",
        '"a"',
        '"\\(1)"',
        ".a",
        ".a.b",
        "[]",
        "{}",
        "null",
        "()",
    ),
    *("{a}", "{a:1}", ". as $x |", "1 as $x |", "-1", "--1", "[0]", ".[0]", ".[]?", "#", " # c\n"),
)


def mutated(chance: random.Random, program: str) -> str:
    """The program with a few tokens left out, doubled, moved or put in: often wrong."""
    pieces = re.findall(r'"[^"]*"|[.$@]?[A-Za-z_]\w*|[0-9.]+|//|[=!<>]=|\s+|.', program)
    for _ in range(chance.randrange(1, 4)):
        place = chance.randrange(len(pieces))
        change = chance.random()
        if change < 0.3:
            del pieces[place]
        elif change < 0.4:
            pieces.insert(place, pieces[chance.randrange(len(pieces))])
        elif change < 0.5:
            pieces[place], pieces[place - 1] = pieces[place - 1], pieces[place]
        else:
            pieces.insert(place, f"{chance.choice(MUTANT_TOKENS)} ")
        pieces = pieces or ["."]
    return "".join(pieces)


def random_value(chance: random.Random, depth: int = 3) -> str:
    """JSON text of a random value."""
    roll = chance.random()
    if depth <= 0 or roll < 0.35:
        return chance.choice((*NUMBERS[:20], *STRINGS, "null", "true", "false"))
    if roll < 0.65:
        items = (random_value(chance, depth - 1) for _ in range(chance.randrange(0, 4)))
        return "[" + ",".join(items) + "]"
    keys = chance.sample((*KEYS, "items", "key", "value", "name"), chance.randrange(0, 5))
    return "{" + ",".join(f'"{k}":{random_value(chance, depth - 1)}' for k in keys) + "}"


INPUTS = (
    "null",
    "3",
    '"a,b"',
    "[1,2,3]",
    '{"a":{"b":1},"b":[1,2],"c":"x","d":null}',
    '{"a":1,"b":2.5,"c":[{"a":2,"b":"z"},{"a":1,"b":"y"}],"items":[3,1,2]}',
    '[{"a":1,"b":[1]},{"a":2,"b":[]},{"a":1.0,"b":null}]',
    '[{"key":"k","value":1},{"name":"n"}]',
    '{"a":[12345678901234567890,1.10,12345678901234567891],"b":"1.10","d":{"a":true}}',
    '["a","b",null,true,1.5,[1],{"a":2}]',
    "[[3,1],[1],[],[1,2],[3,1]]",
    '{"items":["b","a","c","a"],"a":"b","b":"a","c":0,"d":[[1],[2]]}',
)
VARIABLES = '{"WORKFLOW":{"id":"w","a":[1,2],"n":1.10},"item":7}'


def libjq_outputs(program: str, data: str) -> list[Any] | None:
    """All outputs of libjq, as our reader reads them; None for an error."""
    source = f".v.WORKFLOW as $WORKFLOW|.v.item as $item|.i|[{program}\n]|tojson"
    compiled = jq.compile(source)
    try:
        text = compiled.input_text(f'{{"v":{VARIABLES},"i":{data}}}').first()
    except ValueError:
        return None
    return loads(text, max_depth=500)


def our_outputs(program: str, data: str) -> list[Any] | None:
    """All outputs of the closure; None for an error. Raises the fault of a budget."""
    closure = compile_expression(program).closure
    assert closure is not None, f"not compiled: {program}"
    try:
        return closure(loads(data), loads(VARIABLES))
    except ExpressionFault as fault:
        if fault.code != "expression.failed":
            raise
        return None


def same(left: Any, right: Any) -> bool:
    """Equality of JSON values by type, decimal value, and order of keys."""
    if isinstance(left, bool) or isinstance(right, bool) or left is None or right is None:
        return left is right
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return Decimal(number_to_text(left)) == Decimal(number_to_text(right))
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def compare_mutant(chance: random.Random) -> str:
    """A mutant that we compile must be a program for libjq too, with the same outputs."""
    program = mutated(chance, Programs(chance).program(chance.randrange(1, 4)))
    try:
        expression = compile_expression(program)
    except ExpressionFault:
        return "refused"
    if expression.closure is None or not expression.variables <= {"WORKFLOW", "item"}:
        return "left to libjq"
    try:
        jq.compile(f"null as $WORKFLOW|null as $item|\n{program}\n")
    except ValueError as error:
        raise AssertionError(f"program: {program}\nlibjq: {error}") from None
    return compare(program, chance)


def compare_once(chance: random.Random) -> str:
    """One program on three inputs: what came of it ("error", "value", "limit"); AssertionError
    with the program and the input where the answers differ."""
    return compare(Programs(chance).program(chance.randrange(1, 5)), chance)


def compare(program: str, chance: random.Random) -> str:
    """The same, for a given program."""
    outcome = "limit"
    for data in (*chance.sample(INPUTS, 2), random_value(chance)):
        try:
            ours = our_outputs(program, data)
        except ExpressionFault:
            continue
        theirs = libjq_outputs(program, data)
        shown = None if ours is None else dumps(ours, max_depth=500).decode()
        report = f"program: {program}\ninput: {data}\nours: {shown}\nlibjq: {theirs}"
        assert same(ours, theirs), report
        if outcome != "value":
            outcome = "error" if ours is None else "value"
    return outcome
