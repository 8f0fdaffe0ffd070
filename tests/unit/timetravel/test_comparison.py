"""Two histories side by side: what is the same, and where they first differ."""

import pytest
from msgspec.structs import replace

from engine.core.timetravel.comparison import MAX_ALIGNED, side_by_side
from engine.model.event import Event
from schemas.events import bodies
from schemas.events.parts import Asked


def events(*given, seq=1, at=1_000):
    """Events of these (body, name)."""
    return [
        Event(seq=seq + number, at=at + number, body=body, name=name)
        for number, (body, name) in enumerate(given)
    ]


def order(total, answer=None):
    """The events of an order; above 100 it is reviewed."""
    review = [(bodies.StateEntered(type="inject"), "Review")] if total > 100 else []
    return events(
        (bodies.ExecutionStarted("order", "1", "h", "cncf_v08", 1, input={"total": total}), ""),
        (bodies.ChoiceTaken("1", next="Review" if total > 100 else "Ship"), "Decide"),
        *review,
        (bodies.StateEntered(type="operation"), "Ship"),
        (bodies.ActionScheduled("send", "python", "shop:send", 1_000), "send"),
        (bodies.ActionCompleted(action=9, result=answer), "send"),
    )


def first_difference(left, right):
    return next((pair for pair in side_by_side(left, right) if not pair.same), None)


def test_a_history_does_not_differ_from_itself():
    assert all(pair.same for pair in side_by_side(order(5), order(5)))


def test_times_own_numbers_and_who_asked_are_no_difference():
    left, right = order(5), order(5)
    started = replace(right[0].body, asked=Asked(reason="again"), start_key="k", name="n")
    completed = replace(right[-1].body, action=3, duration_ms=40, printed="hello")
    right[0], right[-1] = replace(right[0], body=started), replace(right[-1], body=completed)
    right = [replace(one, at=one.at + 5_000, seq=one.seq + 1) for one in right]
    assert first_difference(left, right) is None


def test_the_first_value_that_differs_is_named_by_its_pointer():
    pair = first_difference(order(5), order(6))
    assert (pair.left.seq, pair.right.seq) == (1, 1)
    assert [one.operation for one in pair.changes] == [
        {"op": "replace", "path": "/input/total", "value": 6}
    ]


def test_where_one_takes_a_step_more_the_rest_lies_side_by_side_again():
    pairs = list(side_by_side(order(5), order(500)))
    alone = [pair.right.name for pair in pairs if pair.left is None]
    assert alone == ["Review"]
    assert [pair.left.name for pair in pairs if pair.left] == ["", "Decide", "Ship", "send", "send"]
    assert all(pair.same for pair in pairs[-3:])


@pytest.mark.parametrize(("left", "right", "lonely"), [(6, 4, "left"), (4, 6, "right")])
def test_the_longer_history_goes_on_alone(left, right, lonely):
    pairs = list(side_by_side(order(5)[:left], order(5)[:right]))
    rest = pairs[4:]
    assert len(rest) == 1
    assert getattr(rest[0], lonely) is not None
    assert not rest[0].same


def test_what_tells_of_the_fork_is_no_divergence():
    forked = bodies.ExecutionForked("ex_1", 2, "00", "order", "1", "h", "cncf_v08", 1)
    left = order(5)
    right = [*left[:2], *events((forked, "")), *left[2:]]
    left = [*left, *events((bodies.ForkTaken("ex_2", 2), ""), seq=9)]
    assert first_difference(left, right) is None


def test_histories_too_long_to_be_aligned_are_still_compared_to_their_ends():
    step = (bodies.StateEntered(type="inject"), "Again")
    other = (bodies.StateEntered(type="sleep"), "Nap")
    left = events(*[step] * (MAX_ALIGNED + 5))
    right = events(other, *[step] * (MAX_ALIGNED + 5))
    pairs = list(side_by_side(left, right))
    assert len([pair for pair in pairs if pair.left]) == len(left)
    assert len([pair for pair in pairs if pair.right]) == len(right)
    assert not pairs[0].same
