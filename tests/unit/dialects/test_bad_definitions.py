"""Each wrong definition is refused with the right code, at the place that an editor would show."""

import json
from typing import Any

import pytest
import yaml

from engine.dialects.cncf_v08 import CODES, Fault, read_definition
from tests.unit.dialects.bad_definitions import ALL_BAD, Bad
from tests.unit.dialects.kitchen_sink import RESOURCES, edited


def errors_of(document: Any) -> tuple[Fault, ...]:
    return read_definition(text_of(document), "application/json", RESOURCES).errors


def text_of(document: Any) -> bytes:
    return json.dumps(document, indent=1).encode()


def place_in(text: bytes, pointer: str, *, of_key: bool) -> tuple[int, int]:
    """Where PyYAML says that a part stands: its key if it is an object or list under one."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    mark = node.start_mark
    for part in [one.replace("~1", "/").replace("~0", "~") for one in pointer.split("/")[1:]]:
        if isinstance(node, yaml.SequenceNode):
            node = node.value[int(part)]
            mark = node.start_mark
        else:
            key, node = next(pair for pair in node.value if pair[0].value == part)
            at_key = of_key or not isinstance(node, yaml.ScalarNode)
            mark = key.start_mark if at_key else node.start_mark
    return mark.line + 1, mark.column + 1


def test_the_definition_that_the_edits_start_from_is_accepted() -> None:
    assert errors_of(edited()) == ()


@pytest.mark.parametrize("case", ALL_BAD, ids=lambda case: f"{case.code}:{case.pointer}")
def test_a_wrong_definition_is_refused_with_code_and_place(case: Bad) -> None:
    document = edited(*case.edits)
    found = [fault for fault in errors_of(document) if fault.code == case.code]
    assert case.pointer in [fault.pointer for fault in found]
    fault = next(fault for fault in found if fault.pointer == case.pointer)
    of_key = case.code == "definition.shape.unknown_property"
    assert (fault.line, fault.column) == place_in(text_of(document), case.pointer, of_key=of_key)
    assert fault.message[0] != " "
    assert len(fault.message) < 600


def test_the_table_covers_many_inputs_and_classes() -> None:
    assert len(ALL_BAD) >= 200
    assert len({case.code for case in ALL_BAD}) >= 46
    assert {case.code for case in ALL_BAD} <= set(CODES)


def test_all_faults_are_reported_at_once_and_in_the_order_of_the_text() -> None:
    faults = errors_of(
        edited(
            ("/states/1/transition", "Nowhere"),
            ("/states/3/duration", "soon"),
            ("/states/4/colour", "red"),
            ("/states/7/eventRef", "Nothing"),
            ("/retries/0/maxAttempts", -1),
        )
    )
    assert [fault.pointer for fault in faults] == [
        "/retries/0/maxAttempts",
        "/states/1/transition",
        "/states/3/duration",
        "/states/4/colour",
        "/states/7/eventRef",
    ]


def test_a_part_with_a_fault_of_shape_is_not_reported_as_missing_where_it_is_named() -> None:
    faults = errors_of(edited(("/states/3/duration", 5), ("/functions/0/type", 1), ("/events", {})))
    assert [fault.pointer for fault in faults] == [
        "/events",
        "/functions/0/type",
        "/states/3/duration",
    ]


@pytest.mark.parametrize(
    ("edit", "hint"),
    [
        (("/states/1/transition", "Chose"), "did you mean 'Choose'?"),
        (("/states/1/transition", "CHOOSE"), "did you mean 'Choose'?"),
        (("/states/1/type", "opration"), "did you mean 'operation'?"),
        (("/states/1/actions/0/functionRef/argumnts", {}), "did you mean 'arguments'?"),
        (("/states/1/actions/0/actionDataFilter/result", "."), "did you mean 'results'?"),
        (("/states/0/onEvents/0/eventRefs/0", "Ordred"), "did you mean 'Ordered'?"),
        (("/states/3/zzz", 1), "known are 'compensatedBy'"),
        (("/functions/0/operation", "http://example.org/x.json#a"), "--resource 'http://example"),
    ],
)
def test_the_message_says_what_to_do(edit: tuple[str, Any], hint: str) -> None:
    assert any(hint in fault.message for fault in errors_of(edited(edit)))


@pytest.mark.parametrize(
    ("uri", "code", "place"),
    [
        ("file://bad.yaml", "definition.retry.max_attempts", (3, 16)),
        ("file://shape.yaml", "definition.shape.unknown_property", (3, 3)),
        ("file://broken.json", "definition.source.syntax", (1, 14)),
        ("file://list.json", "definition.resource_section", (1, 1)),
        ("file://empty.json", "definition.resource_section", (1, 1)),
    ],
)
def test_a_fault_in_a_resource_is_placed_in_the_resource(
    uri: str, code: str, place: tuple[int, int]
) -> None:
    document = edited(("/retries", uri), ("/states/1/actions/0/retryRef", "Gentle"))
    fault = errors_of(document)[0]
    assert (fault.document, fault.code, (fault.line, fault.column)) == (uri, code, place)


def test_definitions_are_read_from_a_resource() -> None:
    document = edited(
        ("/retries", "file://retries.yaml"), ("/states/1/actions/0/retryRef", "Gentle")
    )
    reading = read_definition(text_of(document), "application/json", RESOURCES)
    assert reading.errors == ()
    assert reading.program is not None
    retry = getattr(reading.program.nodes["/states/1/actions/0"], "retry")  # noqa: B009
    assert (retry.name, retry.max_attempts, retry.delay_ms) == ("Gentle", 2, 1000)


@pytest.mark.parametrize("document", [None, [], "text", 5, True])
def test_a_definition_that_is_no_object_is_refused(document: Any) -> None:
    assert [fault.code for fault in errors_of(document)] == ["definition.shape.type"]
