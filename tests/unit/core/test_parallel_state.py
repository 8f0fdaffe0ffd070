"""Parallel states: copies, the join in declaration order, atLeast, errors."""

from tests.unit.core.driving import Execution


def test_branches_overlap_and_each_sees_its_own_copy():
    run = Execution("parallel", "all").begin({"list": [0]})
    assert run.pending() == ["work", "third"]
    run.reply("work", {"mine": 1})
    first_completed = run.types().index("ActionCompleted")
    assert run.types()[:first_completed].count("ActionScheduled") == 2
    frames = [one for one in run.state.frames.values() if one.kind == "branch"]
    assert [one.data for one in frames] == [{"list": [0], "mine": 1}, {"list": [0]}]


def test_the_join_is_in_declaration_order_whatever_came_first():
    run = Execution("parallel", "all").begin({"list": [0]})
    run.reply("third", {"list": [3, 0], "last": "two"})
    run.reply("work", {"list": [1]})
    run.reply("other", {"list": [2], "last": "one"})
    assert run.bodies("BranchJoined")[0].branches == (0, 1)
    assert run.outcome == ("completed", {"list": [0, 1, 2, 3], "last": "two"})


def test_late_branches_of_at_least_are_cancelled_with_all_that_is_open_in_them():
    run = Execution("parallel", "first of three").begin()
    run.reply("other", {"won": "two"})
    assert run.types()[-8:] == [
        "BranchCompleted", "ActionCancelled", "BranchCancelled", "TimerCancelled",
        "BranchCancelled", "BranchJoined", "StateExited", "ExecutionCompleted",
    ]  # fmt: skip
    assert run.outcome == ("completed", {"won": "two"})
    run.answer_late(0)


def test_the_number_of_branches_may_be_computed_and_must_be_possible():
    run = Execution("parallel", "as many as said").begin({"needed": 2})
    run.reply("other", {"b": 1})
    run.reply("work", {"a": 1})
    assert run.state.phase == "completed"
    for needed in (0, 3, "1", True, None):
        run = Execution("parallel", "as many as said").begin({"needed": needed})
        assert run.outcome == ("failed", "parallel.bad_number")


def test_an_error_in_a_branch_cancels_the_others_and_keeps_what_the_state_began_with():
    run = Execution("parallel", "all").begin({"a": 1})
    run.reply("work", {"written": "in the branch"})
    run.break_down("third")
    assert run.types("BranchCancelled") == ["BranchCancelled"] * 2
    assert run.outcome == ("completed", {"a": 1})


def test_branches_whose_results_do_not_fit_together_are_an_error_that_can_be_caught():
    run = Execution("parallel", "all").begin({})
    run.reply("third", [1])
    run.reply("work", "text")
    run.reply("other", {})
    assert run.bodies("ErrorCaught")[0].error.code == "data.type"
    assert run.outcome == ("completed", {})
