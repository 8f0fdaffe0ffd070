"""What a new version would have made of one execution, and how such findings add up."""

import pytest
from msgspec.structs import replace

from engine.core.timetravel.impact_tally import MAX_GROUPS, MAX_SAMPLES, Tally
from engine.core.timetravel.rehearsal import NotComparable, rehearsed
from engine.core.timetravel.telling import told_difference
from schemas.events import ExecutionForked, ExecutionResumed, ExecutionSuspended, NodeHeld
from schemas.json_text import dumps, loads
from tests.property.core_run import EXECUTION
from tests.unit.timetravel.orders import ORDER, RETRIED, program, recorded, started


def finding(version, source):
    rehearsal = rehearsed(version, EXECUTION, source, {}, 1_000)
    return rehearsal.compare(rehearsal.simulation.run(), program(ORDER))


def only(found):
    ((difference, sample),) = found.differences
    return difference, sample


def test_the_condition_that_made_the_difference_is_told_with_what_it_read():
    stricter = program(ORDER, (".quote.total > 50", ".quote.total > 100"))
    difference, sample = only(finding(stricter, recorded(60)))
    assert told_difference(difference) == (
        "at Decide, .quote.total > 100 (was .quote.total > 50): was Review, now Ship"
    )
    assert sample.was == sample.now == {".quote.total": 60}
    assert finding(stricter, recorded(40)).differences == ()
    assert finding(stricter, recorded(140)).differences == ()


def test_a_case_before_the_one_that_was_taken_is_the_condition_to_show():
    vip = '{"condition": "${ .quote.customer == \\"c-1\\" }", "transition": "Note"}, {"condition'
    found = finding(program(ORDER, ('{"condition', vip)), recorded(60))
    difference, sample = only(found)
    assert (difference.was, difference.now) == ("Review", "Note")
    assert difference.condition_now == '.quote.customer == "c-1"'
    assert sample.now == {".quote.customer": "c-1"}
    assert found.unknown == ""


def test_a_version_that_is_not_there_any_more_leaves_the_condition_that_was_recorded():
    stricter = program(ORDER, (".quote.total > 50", ".quote.total > 100"))
    rehearsal = rehearsed(stricter, EXECUTION, recorded(60), {}, 1_000)
    difference, _ = only(rehearsal.compare(rehearsal.simulation.run(), None))
    assert difference.condition_was == ".quote.total > 50"


def test_states_that_are_only_moved_in_the_text_are_no_difference():
    first, *others = ORDER["states"]
    moved = program({**ORDER, "states": [*reversed(others), first]})
    assert finding(moved, recorded(60)).differences == ()


def test_a_state_more_on_the_way_is_another_path():
    detour = program(
        {**ORDER, "states": [*ORDER["states"], {
            "name": "Pack", "type": "inject", "data": {"packed": True}, "transition": "Note"}]},
        ('"transition": "Note"}, {"name": "Note"', '"transition": "Pack"}, {"name": "Note"'),
    )  # fmt: skip
    difference, _ = only(finding(detour, recorded(60)))
    assert told_difference(difference) == (
        "at Ship, was: leaves Ship for Note; now: leaves Ship for Pack"
    )


def test_a_version_that_loops_for_ever_is_not_followed_far():
    endless = program(ORDER, ('"end": true', '"transition": "Note"'))
    source = recorded(60)
    rehearsal = rehearsed(endless, EXECUTION, source, {}, 1_000_000)
    outcome = rehearsal.simulation.run()
    assert outcome.stop.reason == "too_many_events"
    assert len(rehearsal.simulation.events) < 20 * len(source) + 2_000
    assert rehearsal.compare(outcome, program(ORDER)).differences


def test_a_failure_that_is_caught_now_is_another_path_and_another_end():
    handler = '"onErrors": [{"errorRef": "any", "transition": "Note"}]'
    caught = program(
        ORDER,
        ('"transition": "Note"}', f'"transition": "Note", {handler}}}'),
        ('"states"', '"errors": [{"name": "any", "code": "*"}], "states"'),
    )
    found = finding(caught, recorded(60, fails=True))
    difference, _ = only(found)
    assert (found.was, found.now, difference.kind) == ("failed", "completed", "path")
    assert difference.was == "fails with shop.closed"
    assert difference.now == "catches shop.closed"


def test_a_retry_that_nobody_recorded_is_a_missing_answer():
    retried = program(ORDER, *RETRIED)
    found = finding(retried, recorded(60, fails=True))
    difference, _ = only(found)
    assert (found.now, found.unknown, difference.kind) == ("unknown", "charge", "path")
    assert (difference.was, difference.now) == (
        "charge fails with shop.closed",
        "charge fails with shop.closed, to be tried again",
    )  # fmt: skip


def test_a_running_execution_that_waits_for_an_answer_is_where_it_was():
    running = recorded(60, answers=1)
    assert started(running, "charge") == running[-1].seq
    same = finding(program(ORDER, ('"version": "1"', '"version": "2"')), running)
    assert (same.was, same.now, same.differences) == ("running", "running", ())
    other_data = program(ORDER, ('{"reviewed": true}', '{"reviewed": "yes"}'))
    difference, sample = only(finding(other_data, running))
    assert (difference.kind, difference.pointer) == ("data", "/reviewed")
    assert (sample.was, sample.now) == (True, "yes")


def test_being_held_is_no_difference():
    """A paused execution stands before a state that the simulation has entered."""
    running = recorded(60, answers=0)
    last = running[-1].seq
    held = [
        *running,
        replace(running[-1], seq=last + 1, body=ExecutionSuspended(reason="paused")),
    ]
    assert finding(program(ORDER), held).differences == ()
    answered = recorded(60, answers=1)[: last + 1]
    completed = replace(answered[-1], seq=last + 2)
    exited = replace(completed, seq=last + 3, body=NodeHeld(), name="")
    waiting = [*held, completed, exited]
    assert finding(program(ORDER), waiting).differences == ()
    resumed = replace(exited, seq=last + 4, body=ExecutionResumed())
    difference, _ = only(finding(program(ORDER), [*waiting, resumed]))
    assert difference.kind == "path"


def test_a_log_without_its_beginning_is_not_compared():
    with pytest.raises(NotComparable):
        rehearsed(program(ORDER), EXECUTION, recorded(60)[1:], {}, 1_000)


def test_a_fork_is_compared_from_where_it_was_taken():
    whole = recorded(60)
    at = started(whole, "charge")
    forked = ExecutionForked(
        source="ex_0", at=at, source_hash="00", workflow="order", version="1",
        definition_hash="h", dialect="d", ir_version=1,
    )  # fmt: skip
    moved = [
        replace(
            one, seq=one.seq + 1, causation=one.causation + (one.causation > at),
            frame=one.frame + (one.frame > at), body=_after(one.body, at),
        )
        for one in whole[at:]
    ]  # fmt: skip
    source = [*whole[:at], replace(whole[at], seq=at + 1, body=forked, causation=0), *moved]
    assert finding(program(ORDER), source).differences == ()
    stricter = program(ORDER, (".quote.total > 50", ".quote.total > 100"))
    assert finding(stricter, source).differences == (), "that was decided before the fork"
    longer = program(ORDER, ('"done": true', '"done": "yes"'))
    assert only(finding(longer, source))[0].pointer == "/done"
    renamed = program(ORDER, ('"name": "Ship"', '"name": "Send"'), ('"Ship"', '"Send"'))
    with pytest.raises(NotComparable):
        finding(renamed, source)


def _after(body, at):
    action = getattr(body, "action", 0)
    return replace(body, action=action + 1) if action > at else body


def test_tallies_of_several_programs_add_up_and_are_bounded():
    stricter = program(ORDER, (".quote.total > 50", ".quote.total > 100"))
    found = [finding(stricter, recorded(total)) for total in (20, 60, 70, 200)]
    one, other, both = Tally(), Tally(), Tally()
    for number in range(40):
        (one, other)[number % 2].add(f"ex_{number}", found[number % 4])
        both.add(f"ex_{number}", found[number % 4])
    one.merge(other)
    assert (one.executions, one.same, one.same_path) == (40, 20, 20)
    assert one.ends == both.ends == {"completed completed": 40}
    (group,) = one.groups
    assert (group.count, len(group.examples)) == (20, MAX_SAMPLES)
    for number in range(MAX_GROUPS + 10):
        both.skip(f"ex_{number}", "its log is gone")
        difference, sample = found[1].differences[0]
        various = replace(difference, now=f"S{number}")
        both.add("ex_1", replace(found[1], differences=((various, sample),)))
    assert len(both.groups) == MAX_GROUPS
    assert both.uncounted == 11
    assert both.skipped[0].count == MAX_GROUPS + 10


def test_a_large_value_is_cut_and_numbers_keep_their_text():
    found = finding(program(ORDER, (".quote.total > 50", ".quote.total > 1e400")), recorded(60))
    difference, sample = only(found)
    tally = Tally()
    large = replace(sample, was={"x": "y" * 5_000}, now=loads(b"12345678901234567890.10"))
    tally.add("ex_1", replace(found, differences=((difference, large),)))
    kept = tally.groups[0].examples[0].sample
    assert len(kept.was) < 1_100
    assert kept.was.endswith("…")
    assert dumps(kept.now) == b"12345678901234567890.10"
