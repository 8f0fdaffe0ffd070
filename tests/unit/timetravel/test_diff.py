"""The diff of two values is short, in the order and at the places that people expect."""

import pytest

from engine.core.timetravel import diff as diffing
from engine.core.timetravel.diff import diff, patch_of
from engine.core.timetravel.patch import apply_patch
from schemas.json_text import dumps, loads


@pytest.mark.parametrize(
    ("before", "after", "patch"),
    [
        ({"a": 1}, {"a": 1}, []),
        (1, "1", [{"op": "replace", "path": "", "value": "1"}]),
        (True, 1, [{"op": "replace", "path": "", "value": 1}]),
        ({"a": 1, "b": 2}, {"b": 3, "c": 4}, [
            {"op": "remove", "path": "/a"},
            {"op": "replace", "path": "/b", "value": 3},
            {"op": "add", "path": "/c", "value": 4},
        ]),
        ({"a": {"b/c": {"~": 1}}}, {"a": {"b/c": {"~": None}}}, [
            {"op": "replace", "path": "/a/b~1c/~0", "value": None},
        ]),
        ([1, 2, 3], [1, 2, 3, 4], [{"op": "add", "path": "/3", "value": 4}]),
        ([1, 2, 3], [2, 3], [{"op": "remove", "path": "/0"}]),
        ([1, 2, 3, 4, 5], [1, 9, 3, 5], [
            {"op": "replace", "path": "/1", "value": 9},
            {"op": "remove", "path": "/3"},
        ]),
        ([{"id": 1, "n": 1}, {"id": 2}], [{"id": 1, "n": 5}, {"id": 2}], [
            {"op": "replace", "path": "/0/n", "value": 5},
        ]),
        ([], {}, [{"op": "replace", "path": "", "value": {}}]),
        ({"a": None}, {}, [{"op": "remove", "path": "/a"}]),
    ],
)  # fmt: skip
def test_the_patch_is_the_shortest_that_people_would_write(before, after, patch):
    assert patch_of(diff(before, after)) == patch


def test_numbers_of_one_value_do_not_differ_and_keep_their_text_where_they_move():
    before = loads(b'{"a":1.10,"b":[-0,1e2],"big":12345678901234567890}')
    after = loads(b'{"a":1.1,"b":[0,100,2.50],"big":12345678901234567891}')
    patch = patch_of(diff(before, after))
    assert dumps(patch) == (
        b'[{"op":"add","path":"/b/2","value":2.50},'
        b'{"op":"replace","path":"/big","value":12345678901234567891}]'
    )


def test_people_see_places_of_the_value_that_has_them():
    (removed, changed) = diff(["x", "y", {"n": 1}, "z"], ["y", {"n": 2}, "z"])
    assert (removed.kind, removed.path, removed.before) == ("remove", (0,), "x")
    assert (changed.kind, changed.path, changed.place) == ("replace", (1, "n"), (1, "n"))
    assert (changed.before, changed.after) == (1, 2)


def test_long_arrays_are_compared_place_by_place(monkeypatch):
    before, after = list(range(60)), list(range(30, 90))
    short = patch_of(diff(before, after))
    assert [one["op"] for one in short] == ["remove"] * 30 + ["add"] * 30
    monkeypatch.setattr(diffing, "MAX_CELLS", 3_599)
    long = patch_of(diff(before, after))
    assert [one["op"] for one in long] == ["replace"] * 60
    assert apply_patch(before, short) == apply_patch(before, long) == after
