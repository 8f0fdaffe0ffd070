"""Text to value and places: YAML 1.2 scalars, strict JSON, bombs refused before they cost."""

import json
import random
from typing import Any

import pytest

from engine.dialects.source import Limits, Unreadable, read_source
from schemas.json_text import dumps

YAML, JSON = "application/yaml", "application/json"


def refusal(text: bytes, media_type: str, limits: Limits | None = None) -> tuple[str, int, int]:
    with pytest.raises(Unreadable) as caught:
        read_source(text, media_type, *([limits] if limits else []))
    fault = caught.value.fault
    return fault.code.removeprefix("definition.source."), fault.line, fault.column


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"), ("off", "off"), ("yes", "yes"), ("No", "No"), ("y", "y"),
        ("true", True), ("False", False), ("null", None), ("~", None), ("", None),
        ("'true'", "true"), ('"1"', "1"), ("0o17", 15), ("0x1F", 31), ("007", 7), ("+1", 1),
        ("1_000", "1_000"), ("12:30:00", "12:30:00"), ("2020-01-01", "2020-01-01"),
        (".5", 0.5), ("1.", 1.0), ("-x", "-x"), ("[1]", [1]), ("PT1S", "PT1S"), ("=", "="),
        ("12345678901234567890", 12345678901234567890), ("|\n  a\n  b", "a\nb\n"),
    ],
)  # fmt: skip
def test_yaml_scalars_are_those_of_version_1_2(text: str, value: Any) -> None:
    read = read_source(f"k: {text}\n".encode(), YAML).value["k"]
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    "number", ["1.0", "1.10", "1e2", "-0.50", "12345678901234567890.1", "3", "-0"]
)
def test_a_number_keeps_its_text_in_both_languages(number: str) -> None:
    for media_type, text in ((YAML, f"a: {number}"), (JSON, f'{{"a": {number}}}')):
        assert dumps(read_source(text.encode(), media_type).value) == f'{{"a":{number}}}'.encode()


def test_keys_are_text() -> None:
    assert read_source(b"on: 1\n2: b\ntrue: c\nnull: d\n", YAML).value == {
        "on": 1, "2": "b", "true": "c", "null": "d",
    }  # fmt: skip


def test_places_are_of_the_value_or_of_the_key_of_an_object() -> None:
    source = read_source(b"a: 1\nb:\n  - x\n  - c: yes\n", YAML)
    assert source.place("/a") == (1, 4)
    assert source.place("/b") == (2, 1)
    assert source.place("/b/0") == (3, 5)
    assert source.place("/b/1/c") == (4, 8)
    assert source.key_place("/b/1/c") == (4, 5)
    assert source.place("/b/1/c/not/there") == (4, 8)


def test_places_in_json_are_counted_in_characters() -> None:
    source = read_source('{"ä": "ö", "b": [1,\n {"c": null}]}'.encode(), JSON)
    assert source.place("/b") == (1, 12)
    assert source.place("/b/0") == (1, 18)
    assert source.place("/b/1/c") == (2, 8)


@pytest.mark.parametrize(
    ("text", "media_type", "expected"),
    [
        (b"a: 1\nb: 2\na: 3\n", YAML, ("duplicate_key", 3, 1)),
        (b'{"a": 1,\n "a": 2}', JSON, ("duplicate_key", 2, 2)),
        (b"a: 1\n---\nb: 2\n", YAML, ("documents", 2, 1)),
        (b"a: &x 1\n", YAML, ("anchor", 1, 4)),
        (b"a: [1]\nb: *a\n", YAML, ("alias", 2, 4)),
        (b"a:\n  <<: {b: 1}\n", YAML, ("merge_key", 2, 3)),
        (b"a: !!str 1\n", YAML, ("tag", 1, 4)),
        (b"a: !!python/object/apply:os.system [x]\n", YAML, ("tag", 1, 4)),
        (b"a: !mine {}\n", YAML, ("tag", 1, 4)),
        (b"? [a]\n: b\n", YAML, ("key", 1, 3)),
        (b"a: .inf\n", YAML, ("number", 1, 4)),
        (b"a: .NaN\n", YAML, ("number", 1, 4)),
        (b"a: 1e999\n", YAML, ("number", 1, 4)),
        (b"a: " + b"9" * 5000, YAML, ("number", 1, 4)),
        (b"a: b: c\n", YAML, ("syntax", 1, 5)),
        (b"a: [1, 2\nb: 3\n", YAML, ("syntax", 2, 2)),
        (b"\ta: 1\n", YAML, ("syntax", 1, 1)),
        (b"a: 'x\n", YAML, ("syntax", 2, 1)),
        (b"", YAML, ("empty", 1, 1)),
        (b"# nothing\n", YAML, ("empty", 1, 1)),
        (b"a: \xff\n", YAML, ("encoding", 1, 4)),
        (b'{"a": "x\ny"}', JSON, ("syntax", 1, 7)),
        (b'{"a": 01}', JSON, ("syntax", 1, 8)),
        (b'{"a": 1,}', JSON, ("syntax", 1, 9)),
        (b'{"a": [1,]}', JSON, ("syntax", 1, 10)),
        (b'{"a" 1}', JSON, ("syntax", 1, 6)),
        (b"{'a': 1}", JSON, ("syntax", 1, 2)),
        (b'{"a": NaN}', JSON, ("syntax", 1, 7)),
        (b'{"a": "\\ud800"}', JSON, ("syntax", 1, 7)),
        (b'{"a": "\\x"}', JSON, ("syntax", 1, 7)),
        (b'{"a": 1} x', JSON, ("syntax", 1, 10)),
        (b'{"a": 1e999}', JSON, ("number", 1, 7)),
        (b'{"a": ' + b"9" * 5000 + b"}", JSON, ("number", 1, 7)),
        (b'{"a": tru}', JSON, ("syntax", 1, 7)),
        (b'{"a": [1 2]}', JSON, ("syntax", 1, 10)),
        (b'{"a": [1}', JSON, ("syntax", 1, 9)),
        (b"[" * 3, JSON, ("syntax", 1, 4)),
        (b"", JSON, ("syntax", 1, 1)),
        (b'\xff{"a": 1}', JSON, ("encoding", 1, 1)),
    ],
)
def test_malformed_text_is_refused_with_its_place(
    text: bytes, media_type: str, expected: tuple[str, int, int]
) -> None:
    assert refusal(text, media_type) == expected


BOMBS = {
    "flow sequences": b"[" * 100_000,
    "flow mappings": b"{a: " * 100_000,
    "block sequences": b"- " * 100_000,
    "complex keys": b"? " * 100_000,
    "indented mappings": b"".join(b" " * n + b"a:\n" for n in range(1000)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_deep_yaml_is_refused_at_the_level_that_is_too_deep(name: str) -> None:
    code, line, column = refusal(BOMBS[name], YAML)
    assert code in ("depth", "key")
    assert (line, column) <= (65, 300)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_deep_json_is_refused(opening: bytes) -> None:
    assert refusal(opening * 100_000, JSON) == ("depth", 1, 64 * len(opening) + 1)


def test_what_is_nested_as_deep_as_allowed_is_read() -> None:
    for media_type in (YAML, JSON):
        assert read_source(b"[" * 64 + b"]" * 64, media_type).value is not None
        assert refusal(b"[" * 65 + b"]" * 65, media_type)[0] == "depth"


def test_an_alias_bomb_is_refused_at_its_first_anchor() -> None:
    lines = ["a0: &a0 [lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    assert refusal("\n".join(lines).encode(), YAML) == ("anchor", 1, 5)


def test_a_self_alias_is_refused() -> None:
    assert refusal(b"&a [*a]", YAML)[0] == "anchor"


def test_a_huge_flat_list_is_refused_at_the_first_value_too_many() -> None:
    assert refusal(b"- a\n" * 100_000, YAML) == ("nodes", 50_000, 3)
    assert refusal(b"[" + b"1," * 100_000 + b"1]", JSON)[0] == "nodes"


def test_the_size_is_looked_at_first() -> None:
    limits = Limits(max_bytes=10, max_depth=5, max_nodes=5)
    assert refusal(b"\xff" * 11, YAML, limits) == ("size", 1, 1)
    assert refusal(b"a: " + b"x" * 1024 * 1024, YAML)[0] == "size"


@pytest.mark.parametrize(
    ("media_type", "text", "value"),
    [
        ("application/json", b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        ("application/vnd.x+json; charset=utf-8", b'{"a": 1}', {"a": 1}),
        ("application/x-yaml", b"{a: 1}", {"a": 1}),
        ("text/plain", b' \n{"a": 1}', {"a": 1}),
        ("", b"a: 1", {"a": 1}),
    ],
)
def test_the_media_type_or_the_text_says_which_language_it_is(
    media_type: str, text: bytes, value: Any
) -> None:
    assert read_source(text, media_type).value == value


def test_json_is_read_as_the_standard_library_reads_it() -> None:
    """Random documents and damaged ones: the same values, the same refusals (but double keys)."""
    chance = random.Random(1)
    for _ in range(3000):
        text = json.dumps(_random_value(chance, 4), indent=chance.choice([None, 1]))
        if chance.random() < 0.7:
            characters = list(text)
            characters[chance.randrange(len(text))] = chance.choice('{}[],:"01e.-tfn \\')
            text = "".join(characters)
        assert _outcome(_ours, text) == _outcome(_standard, text), text


def _random_value(chance: random.Random, depth: int) -> Any:
    kind = chance.random()
    if depth == 0 or kind < 0.4:
        return chance.choice([None, True, 0, -5, 1.5, "", 'a"\\\né', 12345678901234567890])
    if kind < 0.7:
        return [_random_value(chance, depth - 1) for _ in range(chance.randint(0, 3))]
    return {f"k{n}": _random_value(chance, depth - 1) for n in range(chance.randint(0, 3))}


def _outcome(reader: Any, text: str) -> Any:
    try:
        return reader(text)
    except ValueError:
        return "refused"


def _ours(text: str) -> Any:
    try:
        return read_source(text.encode(), JSON).value
    except Unreadable:
        raise ValueError(text) from None


def _standard(text: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError(pairs)
        return dict(pairs)

    def refuse(constant: str) -> Any:
        raise ValueError(constant)

    def finite(number: str) -> float:
        if abs(float(number)) == float("inf"):
            raise ValueError(number)
        return float(number)

    return json.loads(text, object_pairs_hook=once, parse_constant=refuse, parse_float=finite)
