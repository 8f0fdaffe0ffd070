"""The CloudEvents that came nearest to a wait: who is near, what each failed, in which order."""

from uuid import UUID

import pytest

from engine.core.timetravel.nearest import (
    are_alike,
    edit_distance,
    near_misses,
    similar_types,
    taken_now,
)
from engine.model.command import Arrived
from engine.model.state import ExecutionState, Wait
from schemas.events import CloudEventRef, EventFilter

PAID = EventFilter("paid", "order.paid", "/shop/+", (("orderid", "42"),), after=10)
STATE = ExecutionState(id=UUID(int=1), from_position=10)
WAIT = Wait(3, 2, "/states/0", "Wait", 0, "any", (PAID,))


def arrived(position, kind="order.paid", source="/shop/eu", **attributes):
    event = CloudEventRef(position, f"e{position}", source, kind)
    return Arrived(event, 0, attributes or {"orderid": "42"}, {}, {})


def told(*candidates, one=PAID, state=STATE, wait=WAIT):
    return [(miss.event.position, miss.text) for miss in near_misses(state, wait, one, candidates)]


def test_each_predicate_tells_both_values():
    assert told(arrived(11, "order.payed")) == [(11, "type is 'order.payed', wanted 'order.paid'")]
    assert told(arrived(11, source="/store")) == [(11, "source is '/store', wanted '/shop/+'")]
    assert told(arrived(11, orderid="43")) == [(11, "attribute 'orderid' is '43', wanted '42'")]
    assert told(arrived(11, other="1")) == [(11, "attribute 'orderid' is missing")]
    assert told(arrived(9)) == [
        (9, "position is 9, wanted above 10 (it was stored before this execution was started)")
    ]


def test_the_nearest_comes_first_then_the_most_telling_then_the_newest():
    positions = [
        position
        for position, _ in told(
            arrived(11, "order.paid", "/else", orderid="43"),  # two predicates fail
            arrived(12, orderid="43"),
            arrived(13, "order.payed"),
            arrived(14, source="/store"),
            arrived(15, orderid="44"),
        )
    ]
    assert positions == [13, 14, 15, 12, 11]


def test_one_kind_of_failure_does_not_hide_the_others():
    crowd = [arrived(position, orderid=str(position)) for position in range(20, 200)]
    assert [position for position, _ in told(*crowd, arrived(12, "Order-Paid"))] == [12, 199, 198]


def test_what_is_taken_is_no_miss():
    assert told(arrived(11)) == []
    assert taken_now(STATE, PAID, [arrived(13), arrived(11), arrived(12, "u"), arrived(9)]) == [
        11,
        13,
    ]


def test_a_cloudevent_of_another_type_is_near_by_what_it_correlates_with_or_where_it_is_from():
    loose = EventFilter("paid", "order.paid")
    assert told(arrived(11, "user.created"), one=loose) == []
    assert told(arrived(11, "user.created", "/x", orderid="1")) == []
    assert told(arrived(11, "user.created", "/x")) == [
        (11, "type is 'user.created', wanted 'order.paid'")
    ]
    assert told(arrived(11, "user.created", orderid="1")) == [
        (11, "type is 'user.created', wanted 'order.paid'")
    ]


@pytest.mark.parametrize(
    ("state", "wait", "remark"),
    [
        ({"from_position": 9}, {}, "it was stored before this execution was started"),
        ({"consumed": {"paid": 9}}, {}, "this execution has taken it already, for paid"),
        ({"consumed": {"paid": 10}}, {}, "this execution has taken a later one for paid"),
        ({}, {"taken": (9,)}, "this wait has taken it already"),
    ],
)
def test_a_position_that_is_too_low_says_why(state, wait, remark):
    folded = ExecutionState(id=UUID(int=1), **state)
    opened = Wait(3, 2, "/states/0", "Wait", 0, "all", (PAID,), **wait)
    ((_, text),) = told(arrived(9), state=folded, wait=opened)
    assert text == f"position is 9, wanted above 10 ({remark})"


def test_a_value_that_the_execution_has_fixed_is_the_wanted_one():
    fixed = ExecutionState(id=UUID(int=1), correlation={"orderid": "7"})
    open_filter = EventFilter("paid", "order.paid", correlation=(("orderid", None),))
    assert told(arrived(11), one=open_filter, state=fixed) == [
        (11, "attribute 'orderid' is '42', wanted '7'")
    ]


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("order.paid", "order.payed", True),
        ("order.paid", "OrderPaid", True),
        ("order.paid", "order-paid", True),
        ("order.paid", "com.acme.order.paid", True),
        ("com.acme.order.paid", "order.paid", True),
        ("order.paid", "order.created", False),
        ("com.acme.order.paid.v1", "com.acme.order.paid.v2", True),
        ("com.acme.order.paid", "com.acme.order.created", False),
        ("a", "b", False),
        ("ab", "cd", False),
        ("", "order.paid", False),
        ("x" * 100_000 + ".order.paid", "x" * 100_000 + ".order.payed", True),
    ],
)
def test_types_are_alike_when_one_may_have_been_written_for_the_other(one, other, alike):
    assert are_alike(one, other) is alike
    assert are_alike(other, one) is alike


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("paid", "payed", 2)],
)
def test_the_edit_distance_counts_letters(one, other, edits):
    assert edit_distance(one, other) == edits


def test_similar_types_are_the_nearest_first_without_the_type_itself():
    seen = ["order.paid", "order.payed", "orders.paid", "user.created", "order.pai"]
    assert similar_types("order.paid", seen) == ["order.pai", "orders.paid", "order.payed"]
    assert similar_types("order.paid", seen, limit=1) == ["order.pai"]
