"""For any two JSON values, the diff applied to the first gives the second."""

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.merge import identity
from engine.core.timetravel import diff as diffing
from engine.core.timetravel.diff import diff, patch_of
from engine.core.timetravel.patch import apply_patch
from engine.expr import dumps, loads

NUMBERS = st.sampled_from(
    ["0", "-0", "1", "1.0", "1.10", "1.1", "1e2", "100", "-1", "12345678901234567890",
     "12345678901234567891", "0.1", "1e-400", "1e400", "9007199254740993"]
)  # fmt: skip
SCALARS = NUMBERS | st.sampled_from(["null", "true", "false", '"x"', '""', '"a/b~c"'])
KEYS = st.sampled_from(["a", "b", "a/b", "~", "", "0", "-"])


def _array(items):
    return "[" + ",".join(items) + "]"


def _object(members):
    return "{" + ",".join(f'"{key}":{value}' for key, value in members.items()) + "}"


TEXTS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=6).map(_array)
        | st.dictionaries(KEYS, inner, max_size=4).map(_object)
    ),
    max_leaves=25,
)


def check(before, after):
    unchanged = dumps(before)
    patch = patch_of(diff(before, after))
    assert identity(apply_patch(before, loads(dumps(patch)))) == identity(after)
    assert dumps(before) == unchanged
    assert diff(after, after) == []
    return patch


@settings(max_examples=800, deadline=None, derandomize=True)
@given(TEXTS, TEXTS)
def test_the_diff_applied_to_one_value_gives_the_other(one, other):
    check(loads(one), loads(other))


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.lists(SCALARS, max_size=12), st.data())
def test_arrays_with_few_changes_give_few_operations(items, data):
    edits = data.draw(st.lists(st.tuples(st.integers(0, 12), SCALARS, st.booleans()), max_size=3))
    changed = list(items)
    for place, text, inserts in edits:
        if inserts:
            changed.insert(place, text)
        elif changed:
            del changed[place % len(changed)]
    patch = check(loads(_array(items)), loads(_array(changed)))
    assert len(patch) <= len(edits)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(TEXTS, TEXTS)
def test_a_diff_that_may_not_compare_much_is_right_too(one, other):
    limit, diffing.MAX_CELLS = diffing.MAX_CELLS, 3
    try:
        check(loads(one), loads(other))
    finally:
        diffing.MAX_CELLS = limit
