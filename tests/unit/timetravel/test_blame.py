"""Blame leads from a wrong value to the event, the expression and the place it came from."""

import json

import pytest
from msgspec import UNSET

from engine.core.evolve.fold import folded_types
from engine.core.timetravel import blame_fold
from engine.core.timetravel.blame import Blame, normal_path, target_of
from engine.core.timetravel.blame_fold import MIRRORS, UNTOUCHED, Provenance
from engine.core.timetravel.blame_reads import reads_of
from engine.core.timetravel.blame_shades import MAX_MOVES
from engine.core.timetravel.pointer import parse_path
from engine.dialects.cncf_v08 import program_of
from engine.model.errors import NotFound
from engine.model.event import Event
from engine.model.state import ExecutionState
from schemas import events as log
from schemas.events.parts import FrameEdit, Write
from tests.property.core_run import EXECUTION, CoreRun

ORDER = {
    "id": "order", "version": "1", "specVersion": "0.8", "start": "Wait",
    "functions": [
        {"name": "stock", "type": "custom", "operation": "python:shop:stock"},
        {"name": "sum", "type": "expression", "operation": "{total: .price * .quantity}"},
    ],
    "retries": [{"name": "once", "maxAttempts": 1, "delay": "PT1S"}],
    "events": [{"name": "priced", "type": "price.set", "source": "shop"}],
    "states": [
        {"name": "Wait", "type": "event", "transition": "Stock",
         "onEvents": [{"eventRefs": ["priced"],
                       "eventDataFilter": {"data": "${ {price: .amount} }"}}]},
        {"name": "Stock", "type": "operation", "transition": "Sum", "actions": [
            {"name": "ask", "functionRef": {"refName": "stock", "arguments": {"of": "${ .sku }"}},
             "retryRef": "once", "actionDataFilter": {"toStateData": ".stock"}}]},
        {"name": "Sum", "type": "operation", "transition": "Fix",
         "actions": [{"name": "add", "functionRef": {"refName": "sum"}}]},
        {"name": "Fix", "type": "inject", "data": {"fixed": True}, "end": True,
         "stateDataFilter": {"output": "${ {total, stock, fixed, sku} }"}},
    ],
}  # fmt: skip


class Told:
    """An execution of the order, and who is to blame for its data."""

    def __init__(self, document=ORDER):
        self.program = program_of(json.dumps(document).encode(), "application/json")
        self.run = CoreRun(self.program)
        self.run.now = 1_000

    def order(self):
        self.run.start({"sku": "a-1", "quantity": 2})
        self.run.publish(
            {"type": "price.set", "source": "shop", "attributes": {}, "data": {"amount": 60},
             "whole": {}}
        )  # fmt: skip
        self.fail_and_answer({"left": 5})
        return self

    def fail_and_answer(self, result):
        [key] = self.run.open_calls()
        self.run.fail(key, "busy", ())
        self.run.now += 1_000
        [timer] = self.run.open_timers()
        self.run.fire(timer)
        [key] = self.run.open_calls()
        self.run.answer(key, result)

    def trace(self, upto=None):
        trace = Provenance(ExecutionState(id=EXECUTION))
        for event in self.run.stored[:upto]:
            trace.advance(event)
        return trace

    def blame(self, path, upto=None, depth=5):
        target = target_of(self.trace(upto), None, None)
        wanted = normal_path(target.data, parse_path(path))
        return Blame({self.program.definition_hash: self.program}, depth).of(target, wanted)


def test_a_computed_value_leads_to_what_it_was_computed_from():
    total = Told().order().blame(".total")
    assert (total.value, total.kind, total.place.state) == (120, "computed", "Fix")
    assert (total.place.type, total.expression) == ("StateExited", "{total, stock, fixed, sku}")
    [before] = total.reads
    assert (before.kind, before.place.state, before.place.name) == ("result", "Sum", "add")
    assert before.call.expressions == (((), "{total: .price * .quantity}"),)
    price, quantity = before.call.reads
    assert (price.value, price.expression, price.kind) == (60, "{price: .amount}", "cloudevent")
    assert (price.cloudevent.position, price.cloudevent.type) == (1, "price.set")
    assert price.source == "/states/0/onEvents/0/eventDataFilter"
    assert (quantity.value, quantity.kind, quantity.pointer) == (2, "input", "/input/quantity")
    assert [hop.of for hop in quantity.moves][-2:] == ["child", "parent"]


def test_a_result_names_the_call_with_its_arguments_and_the_attempt_that_answered():
    left = Told().order().blame(".stock.left", upto=-8)
    assert (left.value, left.kind, left.pointer) == (5, "result", "/result/left")
    assert (left.call.function, left.call.attempt) == ("stock", 2)
    assert left.call.arguments == {"of": "a-1"}
    assert left.call.expressions == ((("of",), ".sku"),)
    [sku] = left.call.reads
    assert (sku.value, sku.kind) == ("a-1", "input")


def test_fixed_data_is_told_from_computed_data():
    told = Told().order()
    fixed = told.blame(".fixed", upto=-2)
    assert (fixed.kind, fixed.expression, fixed.place.type) == ("fixed", None, "VariablesAssigned")
    assert fixed.source == "/states/3/data"


def test_an_object_is_blamed_on_the_write_that_came_last_in_it():
    told = Told().order()
    whole = told.blame(".", upto=-2)
    assert (whole.path, whole.place.type) == (("fixed",), "VariablesAssigned")


def test_every_leaf_is_listed_without_its_story():
    told = Told().order()
    target = target_of(told.trace(), None, None)
    found = list(Blame({told.program.definition_hash: told.program}, 5).leaves(target, ()))
    assert {one.path for one in found} == {("total",), ("stock", "left"), ("fixed",), ("sku",)}
    assert all(not one.reads for one in found)


def test_what_lies_behind_is_cut_where_it_is_deeper_than_asked():
    total = Told().order().blame(".total", depth=1)
    assert total.reads[0].call.reads == ()
    assert Told().order().blame(".total", depth=0).is_cut


def test_without_the_definition_the_events_still_tell():
    told = Told().order()
    target = target_of(told.trace(), None, None)
    total = Blame({}, 5).of(target, ("total",))
    assert (total.place.type, total.expression, total.value) == ("StateExited", None, 120)


def test_elements_of_a_foreach_lead_to_the_collection():
    told = Told({
        "id": "each", "version": "1", "specVersion": "0.8", "start": "Each",
        "functions": [{"name": "f", "type": "custom", "operation": "python:m:f"}],
        "states": [{
            "name": "Each", "type": "foreach", "inputCollection": "${ .orders }", "end": True,
            "iterationParam": "order", "outputCollection": "${ .done }",
            "actions": [{"functionRef": {"refName": "f", "arguments": {"o": "${ .order.id }"}}}],
        }],
    })  # fmt: skip
    told.run.start({"orders": [{"id": 7}, {"id": 8}]})
    for key in list(told.run.open_calls()):
        told.run.answer(key, {"ok": told.run.open_calls()[key].call.arguments["o"]})
    ok = told.blame(".done[1].ok")
    assert (ok.value, ok.kind, ok.call.arguments) == (8, "result", {"o": 8})
    assert [hop.of for hop in ok.moves] == ["child", "iterations"]
    [order_id] = ok.call.reads
    assert (order_id.path, order_id.kind, order_id.value) == (("order", "id"), "elements", 8)
    assert order_id.expression == ".orders"
    [origin] = order_id.reads
    assert (origin.path, origin.kind) == (("orders", 1, "id"), "input")


def test_an_edit_of_a_fork_is_named():
    told = Told()
    told.run.start({"sku": "a-1", "price": 1})
    trace = told.trace()
    edit = FrameEdit(frame=2, writes=(Write(path=("price",), mode="replace", value=9),))
    forked = log.ExecutionForked(
        source="ex_1", at=trace.state.seq, source_hash="", workflow="order", version="1",
        definition_hash=told.program.definition_hash, dialect="", ir_version=1, edits=(edit,),
    )  # fmt: skip
    trace.advance(Event(seq=trace.state.seq + 1, at=2_000, body=forked))
    price = Blame({told.program.definition_hash: told.program}, 5).of(
        target_of(trace, None, None), ("price",)
    )
    assert (price.value, price.kind, price.place.type) == (9, "edited", "ExecutionForked")
    assert price.pointer == "/edits/0/writes/0/value"
    assert price.expression is None


@pytest.mark.parametrize(
    ("path", "said"),
    [(".nothing", "no .nothing"), (".stock.x", ".left"), (".sku.a", "a plain value"),
     ("/stock/0", "no .stock")],
)  # fmt: skip
def test_a_path_that_leads_nowhere_is_refused_with_what_there_is(path, said):
    with pytest.raises(NotFound) as raised:
        Told().order().blame(path)
    assert said in raised.value.message


def test_frames_are_named_by_state_or_number():
    trace = Told().order().trace(upto=3)
    assert target_of(trace, 1, None).frame == 1
    assert target_of(trace, None, "Wait").name == "Wait"
    with pytest.raises(NotFound):
        target_of(trace, 999, None)
    with pytest.raises(NotFound):
        target_of(trace, None, "Sum")


def test_an_execution_that_failed_has_no_data_to_blame():
    told = Told()
    told.run.start({"sku": "a-1"})
    told.run.cancel()
    with pytest.raises(NotFound, match="cancelled"):
        target_of(told.trace(), None, None)


def looped(expression, rounds):
    told = Told({
        "id": "loop", "version": "1", "specVersion": "0.8", "start": "Up",
        "functions": [{"name": "up", "type": "expression", "operation": expression}],
        "states": [
            {"name": "Up", "type": "operation", "transition": "More",
             "actions": [{"functionRef": {"refName": "up"}}]},
            {"name": "More", "type": "switch", "defaultCondition": {"end": True},
             "dataConditions": [{"condition": f"${{ .n < {rounds} }}", "transition": "Up"}]},
        ],
    })  # fmt: skip
    told.run.resumes = True
    told.run.start({"n": 0, "kept": "as it was"})
    return told


def test_a_loop_keeps_few_of_its_moves():
    told = looped("{n: (.n + 1)}", 200)
    kept = told.blame(".kept")
    assert (kept.kind, kept.value, len(kept.moves)) == ("input", "as it was", MAX_MOVES)
    count = told.blame(".n", depth=3)
    assert count.value == 200
    seen = []
    while count.call is not None and count.call.reads:
        [count] = count.call.reads
        seen.append(count.value)
    assert seen == [199, 198, 197]


def test_the_shades_of_a_long_loop_are_its_data_all_along():
    told = looped("{n: (.n + 1), even: [.n % 2], all: [.n], deep: {last: .n}}", 100)
    trace = Provenance(ExecutionState(id=EXECUTION))
    for event in told.run.stored:
        trace.advance(event)
        for frame in trace.state.frames.values():
            assert trace.frames[frame.id].data.value() == frame.data, event.seq
    assert trace.output.value() == trace.state.output
    assert told.blame(".all[3]").place.seq < told.blame(".all[50]").place.seq


def test_of_old_values_it_is_forgotten_what_they_were_made_of(monkeypatch):
    monkeypatch.setattr(blame_fold, "REMEMBERED", 10)
    told = looped("{n: (.n + 1), all: [.n]}", 60)
    assert told.trace().forgotten > 0
    assert told.blame(".all[59]").call is not None
    old = told.blame(".all[1]")
    assert (old.value, old.call, old.kind, old.is_cut) == (1, None, "result", True)


def test_every_event_type_is_mirrored_or_said_to_touch_no_data():
    told_of = {one.__name__ for one in MIRRORS} | {one.__name__ for one in UNTOUCHED}
    assert told_of == folded_types()
    for body in UNTOUCHED:
        assert not {"writes", "edits"} & set(body.__struct_fields__), body


@pytest.mark.parametrize(
    ("source", "within", "paths"),
    [
        (".price * .quantity", (), (("price",), ("quantity",))),
        ("{total: .price * .n, x: .y}", ("total",), (("price",), ("n",))),
        (".order | {total: (.price * .n), x: 1}", ("total",), (("order", "price"), ("order", "n"))),
        (".order", ("price",), (("order", "price"),)),
        (".", ("a", 0), (("a", 0),)),
        (".items | map(.price) | add", (), (("items",),)),
        ("[.items[] | select(.x > 1)] | length", (), (("items",),)),
        ("if .flag then .a else .b.c end", (), (("flag",), ("a",), ("b", "c"))),
        ('"\\(.a) of \\(.b)"', (), (("a",), ("b",))),
        ("reduce .xs[] as $x (.start; . + $x.p)", (), (("xs",), ("start",))),
        (".a + .a.b", (), (("a",),)),
        (". + {n: 2}", ("n",), ((),)),
        ("def f: .a; f", (), ((),)),
        ("not jq at all (", (), ((),)),
        ("1 + 2", (), ()),
    ],
)
def test_an_expression_tells_what_it_reads(source, within, paths):
    assert reads_of(source, within).paths == paths


def test_a_value_that_is_too_large_to_read_is_left_out():
    told = Told()
    told.run.start({"sku": "x" * 100_000, "quantity": 1})
    assert told.blame(".sku").value is UNSET
    assert told.blame(".quantity").value == 1
