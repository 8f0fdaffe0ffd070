"""Paths as people write them, and JSON pointers."""

import pytest

from engine.core.timetravel.pointer import (
    PathFault,
    parse_path,
    pointer_of,
    shown_path,
    tokens_of,
)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (".", ()), ("$", ()), ("", ()), ("$.", ()), (".a", ("a",)), ("a.b", ("a", "b")),
        ("$.a.b[2]", ("a", "b", 2)), (".[0]", (0,)), ("$[-1].x", (-1, "x")),
        ('.["a b"].c', ("a b", "c")), (".a['it\\'s']", ("a", "it's")),
        (".naïve-name", ("naïve-name",)), ("/a/0/b~1c", ("a", "0", "b/c")), ("/", ("",)),
        ('.a["x\\"y"]', ("a", 'x"y')),
    ],
)  # fmt: skip
def test_a_path_is_read_in_every_spelling(text, path):
    assert parse_path(text) == path


@pytest.mark.parametrize(
    "text",
    ["..a", ".a.", ".a[", ".a[x]", ".a b", ".[99999999999]", "/a~", '.a["x', "." + "a" * 5_000],
)  # fmt: skip
def test_what_is_no_path_is_refused(text):
    with pytest.raises(PathFault):
        parse_path(text)


@pytest.mark.parametrize("path", [(), ("a", 0, "b c"), (0, "x"), ('q"', "\\"), ("a b",), ("",)])
def test_a_path_that_is_shown_reads_back(path):
    assert parse_path(shown_path(path)) == path
    assert tokens_of(pointer_of(path)) == tuple(map(str, path))
