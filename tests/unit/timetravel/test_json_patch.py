"""JSON Patch does what RFC 6902 says: its own examples (appendix A), and what they leave out."""

import pytest

from engine.core.timetravel.patch import PatchFault, apply_patch
from schemas.json_text import dumps, loads


def patched(document, *operations):
    return apply_patch(document, list(operations))


@pytest.mark.parametrize(
    ("document", "operation", "expected"),
    [
        ({"foo": "bar"}, {"op": "add", "path": "/baz", "value": "q"}, {"foo": "bar", "baz": "q"}),
        ([1, 2], {"op": "add", "path": "/1", "value": 9}, [1, 9, 2]),
        ([1, 2], {"op": "add", "path": "/2", "value": 9}, [1, 2, 9]),
        ([1, 2], {"op": "add", "path": "/-", "value": [3]}, [1, 2, [3]]),
        ({"a": 1}, {"op": "add", "path": "/a", "value": None}, {"a": None}),
        ({"a": 1}, {"op": "add", "path": "", "value": [7]}, [7]),
        ({"a": 1, "b": 2}, {"op": "remove", "path": "/b"}, {"a": 1}),
        ([1, 2, 3], {"op": "remove", "path": "/1"}, [1, 3]),
        ({"a": {"b": 1}}, {"op": "replace", "path": "/a/b", "value": 2}, {"a": {"b": 2}}),
        ({"a": 1}, {"op": "replace", "path": "", "value": 5}, 5),
        ({"a": [1, 2], "b": {}}, {"op": "move", "from": "/a/0", "path": "/b/x"},
         {"a": [2], "b": {"x": 1}}),
        ([1, 2, 3], {"op": "move", "from": "/0", "path": "/2"}, [2, 3, 1]),
        ({"a": 1}, {"op": "move", "from": "/a", "path": "/a"}, {"a": 1}),
        ({"a": [1]}, {"op": "copy", "from": "/a", "path": "/b"}, {"a": [1], "b": [1]}),
        ({"/": 9, "~1": 10}, {"op": "test", "path": "/~01", "value": 10}, {"/": 9, "~1": 10}),
        ({"/": 9}, {"op": "replace", "path": "/~1", "value": 1}, {"/": 1}),
        ({"": 1}, {"op": "remove", "path": "/"}, {}),
        ({"0": 1}, {"op": "remove", "path": "/0"}, {}),
        ({"a": 1}, {"op": "add", "path": "/b", "value": 2, "note": "unknown"}, {"a": 1, "b": 2}),
    ],
)  # fmt: skip
def test_each_operation_does_what_the_standard_says(document, operation, expected):
    before = dumps(document)
    assert patched(document, operation) == expected
    assert dumps(document) == before, "the document given was changed"


@pytest.mark.parametrize(
    ("document", "operation", "code", "pointer"),
    [
        ({}, {"op": "add", "path": "/a/b", "value": 1}, "patch.no_target", "/a"),
        ([1], {"op": "add", "path": "/2", "value": 1}, "patch.no_target", "/2"),
        ([1], {"op": "add", "path": "/01", "value": 1}, "patch.no_target", "/01"),
        ([1], {"op": "add", "path": "/x", "value": 1}, "patch.no_target", "/x"),
        ([1], {"op": "remove", "path": "/-"}, "patch.no_target", "/-"),
        ([1], {"op": "remove", "path": "/-1"}, "patch.no_target", "/-1"),
        ([1], {"op": "test", "path": "/" + "9" * 5_000, "value": 1}, "patch.no_target", None),
        ({}, {"op": "remove", "path": ""}, "patch.no_target", ""),
        ({}, {"op": "remove", "path": "/a"}, "patch.no_target", "/a"),
        ({}, {"op": "replace", "path": "/a", "value": 1}, "patch.no_target", "/a"),
        ("text", {"op": "add", "path": "/a", "value": 1}, "patch.no_target", "/a"),
        ({"a": {}}, {"op": "move", "from": "/a", "path": "/a/b"}, "patch.no_target", "/a/b"),
        ({}, {"op": "copy", "from": "/a", "path": "/b"}, "patch.no_target", "/a"),
        ({"a": 1}, {"op": "test", "path": "/a", "value": "1"}, "patch.test_failed", "/a"),
        ({"a": 1}, {"op": "test", "path": "/a", "value": True}, "patch.test_failed", "/a"),
    ],
)  # fmt: skip
def test_what_cannot_be_applied_is_refused_with_its_place(document, operation, code, pointer):
    with pytest.raises(PatchFault) as raised:
        patched(document, {"op": "test", "path": "", "value": document}, operation)
    assert raised.value.code == code
    assert raised.value.operation == 1
    if pointer is not None:
        assert raised.value.pointer == pointer


@pytest.mark.parametrize(
    "patch",
    [
        {}, None, "x", [1], [{}], [{"op": "jump", "path": ""}], [{"op": ["add"], "path": ""}],
        [{"op": "add", "path": "/a"}], [{"op": "add", "value": 1}], [{"op": "move", "path": "/a"}],
        [{"op": "remove", "path": "a"}], [{"op": "remove", "path": "/~2"}],
        [{"op": "remove", "path": 1}], [{"op": "copy", "path": "/a", "from": "x"}],
    ],
)  # fmt: skip
def test_what_is_no_patch_is_refused_before_anything_is_applied(patch):
    with pytest.raises(PatchFault) as raised:
        apply_patch({"a": 1}, patch)
    assert raised.value.code == "patch.malformed"


def test_a_test_compares_numbers_by_value_and_objects_without_order():
    document = loads(b'{"n":1.10,"big":12345678901234567890,"o":{"a":1,"b":[-0]}}')
    patched(
        document,
        {"op": "test", "path": "/n", "value": 1.1},
        {"op": "test", "path": "/big", "value": loads(b"1.2345678901234567890e19")},
        {"op": "test", "path": "/o", "value": {"b": [0], "a": 1}},
    )
    with pytest.raises(PatchFault):
        patched(document, {"op": "test", "path": "/big", "value": 12345678901234567891})


def test_numbers_keep_their_text():
    document = loads(b'{"a":1.10}')
    made = patched(document, {"op": "move", "from": "/a", "path": "/b"})
    assert dumps(made) == b'{"b":1.10}'


def test_copies_of_copies_meet_a_limit():
    doubled = [{"op": "copy", "from": "", "path": f"/{number}"} for number in range(40)]
    with pytest.raises(PatchFault) as raised:
        apply_patch({"a": [1, 2, 3]}, doubled)
    assert raised.value.code == "patch.too_large"


def test_a_document_made_deeper_and_deeper_meets_a_limit():
    deeper = [{"op": "copy", "from": "", "path": "/a" * (2**number)} for number in range(12)]
    with pytest.raises(PatchFault) as raised:
        apply_patch({"a": {}}, deeper)
    assert raised.value.code == "patch.too_large"


def test_too_many_operations_are_refused():
    with pytest.raises(PatchFault) as raised:
        apply_patch({}, [{"op": "test", "path": "", "value": {}}] * 10_001)
    assert raised.value.code == "patch.too_large"
