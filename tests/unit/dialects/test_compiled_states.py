"""Each type of state becomes the nodes that the specification means."""

import json
from typing import Any

import yaml

from engine.dialects.cncf_v08 import program_of
from engine.model.limits import DEFAULT_ACTION_TIMEOUT_MS
from engine.model.program import (
    Act,
    Branch,
    Case,
    Catch,
    Choose,
    DataSelection,
    Each,
    Emission,
    EventDefinition,
    Exit,
    Fork,
    Listen,
    Listening,
    Pass,
    Program,
    Retry,
    Scope,
    Template,
    Text,
    Timer,
    Trigger,
)

HEAD = """
id: w
version: "1"
specVersion: "0.8"
constants: {who: me}
functions:
- {name: f, type: custom, operation: "python:m:f"}
- {name: g, type: custom, operation: "rest:post:https://example.org/g"}
- {name: e, type: expression, operation: "${ .a }"}
events:
- {name: A, type: a, source: s}
- {name: B, type: b, source: s/+, dataOnly: false, correlation: [
    {contextAttributeName: order}, {contextAttributeName: Kind, contextAttributeValue: big},
    {contextAttributeName: who, contextAttributeValue: "${ $CONST.who }"}]}
- {name: P, type: p, source: me, kind: produced}
errors:
- {name: Late, code: timeout}
- {name: Odd}
retries:
- {name: R, maxAttempts: 4, delay: PT1S, increment: PT2S, multiplier: "1.5", maxDelay: PT1M,
   jitter: PT0.5S}
- {name: S, maxAttempts: 1, jitter: 0.25}
states:
"""


def compiled(states: str, more: str = "") -> Program:
    return program_of((HEAD + states + more).encode(), "application/yaml")


def only(program: Program, kind: Any) -> Any:
    found = [node for node in program.nodes.values() if isinstance(node, kind)]
    assert len(found) == 1
    return found[0]


def act(number: int | str, name: str, **fields: Any) -> Act:
    """The act of an action without filters."""
    pointer = f"/states/0/actions/{number}" if isinstance(number, int) else number
    handlers = {"f": ("python", "m:f"), "g": ("http", "POST:https://example.org/g"),
                "e": ("expression", ".a")}  # fmt: skip
    handler, operation = handlers[name]
    usual: dict[str, Any] = {
        "scope": "/states/0",
        "timeout_ms": DEFAULT_ACTION_TIMEOUT_MS,
        "arguments": Template({}),
        "selection": DataSelection(path_for_plain=("response",), pointer=pointer),
    }
    return Act(
        id=pointer, name=name, function=name, handler=handler, operation=operation,
        **{**usual, **fields},
    )  # fmt: skip


END = Exit(pointer="/states/0/end")


def test_a_sequential_operation_is_a_chain_of_acts() -> None:
    program = compiled("""
- name: S
  type: operation
  actions: [{functionRef: f}, {functionRef: g}, {functionRef: e}]
  end: true
""")
    assert program.nodes == {
        "/states/0": Scope(
            id="/states/0", name="S", scope="", type="operation", body="/states/0/actions/0",
            exit=END,
        ),
        "/states/0/actions/0": act(0, "f", next="/states/0/actions/1"),
        "/states/0/actions/1": act(1, "g", next="/states/0/actions/2"),
        "/states/0/actions/2": act(2, "e"),
    }  # fmt: skip
    assert (program.start, program.trigger) == ("/states/0", None)


def test_a_parallel_operation_is_a_fork_of_single_actions() -> None:
    program = compiled("""
- name: S
  type: operation
  actionMode: parallel
  actions: [{functionRef: f, name: one}, {functionRef: g}]
  end: true
""")
    first, second = "/states/0/actions/0", "/states/0/actions/1"
    assert only(program, Scope).body == "/states/0/actions"
    assert only(program, Fork) == Fork(
        id="/states/0/actions", name="S", scope="/states/0",
        branches=(Branch(f"{first}#branch", "one", first), Branch(f"{second}#branch", "g", second)),
    )  # fmt: skip
    node = program.nodes[first]
    assert (node.name, node.scope, node.next) == ("one", f"{first}#branch", None)


def test_an_operation_without_actions_has_no_body() -> None:
    assert (
        only(compiled("- {name: S, type: operation, actions: [], end: true}"), Scope).body is None
    )


def test_an_action_has_all_that_its_definition_says() -> None:
    program = compiled("""
- name: S
  type: operation
  timeouts: {actionExecTimeout: PT9S}
  actions:
  - name: f
    functionRef:
      refName: f
      arguments: {a: "${ .x }", b: [1, "${ $SECRETS.key }", "plain ${"], c: {d: 1.10}}
    condition: "${ .go }"
    sleep: {before: PT1S, after: PT2S}
    retryRef: R
    retryableErrors: [Late, Odd]
    nonRetryableErrors: [Odd]
    actionDataFilter: {fromStateData: .in, results: "${ .r }", toStateData: "${ .deep.out }"}
  end: true
""", "secrets: [key]\n")  # fmt: skip
    assert only(program, Act) == act(
        0, "f",
        timeout_ms=9000,
        arguments=Template(
            {"a": "${ .x }", "b": [1, "${ $SECRETS.key }", "plain ${"], "c": {"d": 1.1}},
            ((("a",), ".x"), (("b", 1), "$SECRETS.key")),
        ),
        input=Text(".in"),
        when=Text(".go"),
        selection=DataSelection(
            select=Text(".r"), path=("deep", "out"),
            pointer="/states/0/actions/0/actionDataFilter/toStateData",
        ),
        retry=Retry(
            "R", 4, delay_ms=1000, increment_ms=2000, multiplier=1.5, max_delay_ms=60_000,
            jitter_ms=500, codes=("timeout", "Odd"), excluded_codes=("Odd",),
        ),
        sleep_before_ms=1000,
        sleep_after_ms=2000,
    )  # fmt: skip
    assert program.secrets == ("key",)


def test_a_plain_result_goes_to_the_last_segment_of_results_or_to_response() -> None:
    program = compiled("""
- name: S
  type: operation
  actions:
  - {functionRef: f, actionDataFilter: {results: "${ .body.greeting }"}}
  - {functionRef: f, actionDataFilter: {results: ".a + .b"}}
  - {functionRef: f, actionDataFilter: {results: ".items[0]"}}
  - {functionRef: f, actionDataFilter: {useResults: false, results: .a, toStateData: .b}}
  - {functionRef: f, actionDataFilter: {toStateData: .}}
  end: true
""")
    selections = [node.selection for node in program.nodes.values() if isinstance(node, Act)]
    by_pointer = {selection.pointer.split("/")[4]: selection for selection in selections}
    assert by_pointer["0"].path_for_plain == ("greeting",)
    assert by_pointer["1"].path_for_plain == ("response",)
    assert by_pointer["2"].path_for_plain == ("response",)
    assert by_pointer["3"].use is False
    assert (by_pointer["4"].path, by_pointer["4"].path_for_plain) == ((), None)


def test_an_exclusive_event_state_runs_the_actions_of_the_event_that_came() -> None:
    program = compiled("""
- name: S
  type: event
  timeouts: {eventTimeout: PT5M}
  onEvents:
  - {eventRefs: [A], eventDataFilter: {data: .x, toStateData: .y}, actions: [{functionRef: f}]}
  - {eventRefs: [A, B], eventDataFilter: {useData: false}}
  end: true
""")
    a = EventDefinition("A", "a", "s")
    b = EventDefinition(
        "B", "b", "s/+", data_only=False,
        correlation=(
            ("order", None), ("kind", Template("big")),
            ("who", Template("${ $CONST.who }", (((), "$CONST.who"),))),
        ),
    )  # fmt: skip
    assert only(program, Listen) == Listen(
        id="/states/0/onEvents", name="S", scope="/states/0", mode="any", timeout_ms=300_000,
        entries=(
            Listening(
                "/states/0/onEvents/0", "A", (a,),
                DataSelection(
                    select=Text(".x"), path=("y",),
                    pointer="/states/0/onEvents/0/eventDataFilter/toStateData",
                ),
                "/states/0/onEvents/0/actions/0",
            ),
            Listening(
                "/states/0/onEvents/1", "A, B", (a, b),
                DataSelection(use=False, pointer="/states/0/onEvents/1/eventDataFilter"),
            ),
        ),
    )  # fmt: skip
    assert program.trigger == Trigger("/states/0", "/states/0/onEvents", "any", (a, b))
    assert program.correlation_attributes == ("kind", "order", "who")


def test_an_event_state_for_all_events_chains_the_actions_in_the_order_of_the_text() -> None:
    program = compiled("""
- name: S
  type: event
  exclusive: false
  timeouts: {eventTimeout: PT5M}
  onEvents:
  - {eventRefs: [A], actions: [{functionRef: f}, {functionRef: g}]}
  - {eventRefs: [B]}
  - {eventRefs: [A], actionMode: parallel, actions: [{functionRef: e}]}
  end: true
""")
    listen = only(program, Listen)
    last = "/states/0/onEvents/2/actions"
    assert listen.mode == "all"
    assert [entry.body for entry in listen.entries] == [
        "/states/0/onEvents/0/actions/0",
        last,
        last,
    ]
    assert program.nodes["/states/0/onEvents/0/actions/1"].next == last
    assert program.nodes[last].next is None
    assert program.trigger is not None
    assert (program.trigger.mode, program.trigger.timeout_ms) == ("all", 300_000)
    assert [event.ref for event in program.trigger.events] == ["A", "B"]


def test_an_event_state_in_the_middle_triggers_nothing() -> None:
    program = compiled("""
- {name: R, type: sleep, duration: PT1S, transition: S}
- {name: S, type: event, onEvents: [{eventRefs: [A]}], end: true}
""")
    assert program.trigger is None


def test_a_switch_on_data_leaves_by_the_first_true_case() -> None:
    program = compiled("""
- name: S
  type: switch
  dataConditions:
  - {name: big, condition: .n > 5, transition: T}
  - {condition: "${ .n < 0 }", end: {terminate: true}}
  defaultCondition: {transition: {nextState: T, produceEvents: [{eventRef: P}]}}
- {name: T, type: inject, data: {}, end: true}
""")
    place = "/states/0/dataConditions"
    emission = Emission(
        "P", "p", "me", pointer="/states/0/defaultCondition/transition/produceEvents/0"
    )
    assert only(program, Choose) == Choose(
        id=place, name="S", scope="/states/0",
        cases=(
            Case("big", Text(".n > 5"), Exit("/states/1", pointer=f"{place}/0/transition"),
                 f"{place}/0"),
            Case("2", Text(".n < 0"), Exit(None, terminate=True, pointer=f"{place}/1/end"),
                 f"{place}/1"),
        ),
        default=Exit("/states/1", (emission,), pointer="/states/0/defaultCondition/transition"),
    )  # fmt: skip


def test_a_switch_on_events_listens_with_a_way_out_each() -> None:
    program = compiled("""
- name: S
  type: switch
  timeouts: {eventTimeout: PT1H}
  eventConditions:
  - {eventRef: A, eventDataFilter: {toStateData: .a}, end: true}
  defaultCondition: {end: true}
""")
    place = "/states/0/eventConditions"
    assert only(program, Listen) == Listen(
        id=place, name="S", scope="/states/0", mode="any", timeout_ms=3_600_000,
        entries=(
            Listening(
                f"{place}/0", "A", (EventDefinition("A", "a", "s"),),
                DataSelection(path=("a",), pointer=f"{place}/0/eventDataFilter/toStateData"),
                exit=Exit(pointer=f"{place}/0/end"),
            ),
        ),
        on_timeout=Exit(pointer="/states/0/defaultCondition/end"),
    )  # fmt: skip
    assert program.trigger is None


def test_sleep_is_a_timer_and_inject_a_pass() -> None:
    program = compiled("""
- {name: S, type: sleep, duration: PT1.5S, transition: I}
- {name: I, type: inject, data: {a: 1.10, b: [x]}, end: true}
""")
    assert only(program, Timer) == Timer(
        id="/states/0/duration", name="S", scope="/states/0", duration_ms=1500
    )
    node = only(program, Pass)
    assert (node.id, node.scope, node.data.base["a"].text) == (
        "/states/1/data", "/states/1", "1.10",
    )  # fmt: skip
    assert node.selection == DataSelection(pointer="/states/1/data")


def test_a_parallel_state_is_a_fork_and_the_most_specific_limit_wins() -> None:
    program = compiled("""
- name: S
  type: parallel
  completionType: atLeast
  numCompleted: "1"
  branches:
  - {name: l, timeouts: {actionExecTimeout: PT1S}, actions: [{functionRef: f}, {functionRef: g}]}
  - {name: r, actions: [{functionRef: f}]}
  - {name: n, actions: []}
  end: true
""", "timeouts: {actionExecTimeout: PT3S}\n")  # fmt: skip
    left, right = "/states/0/branches/0", "/states/0/branches/1"
    assert only(program, Fork) == Fork(
        id="/states/0/branches", name="S", scope="/states/0", needed=1,
        branches=(
            Branch(left, "l", f"{left}/actions/0"),
            Branch(right, "r", f"{right}/actions/0"),
            Branch("/states/0/branches/2", "n", None),
        ),
    )  # fmt: skip
    assert program.nodes[f"{left}/actions/0"].next == f"{left}/actions/1"
    limits = [program.nodes[f"{left}/actions/1"], program.nodes[f"{right}/actions/0"]]
    assert [getattr(node, "timeout_ms", 0) for node in limits] == [1000, 3000]
    assert [node.scope for node in limits] == [left, right]


def test_all_of_a_parallel_state_is_needed_unless_it_says_how_many() -> None:
    states = "- {name: S, type: parallel, branches: [{name: a, actions: []}], end: true"
    assert only(compiled(states + "}"), Fork).needed is None
    computed = compiled(states + ", completionType: atLeast, numCompleted: '${ .n }'}")
    assert only(computed, Fork).needed == Text(".n")


def test_a_foreach_runs_its_actions_in_a_scope_of_its_own() -> None:
    program = compiled("""
- name: S
  type: foreach
  inputCollection: "${ .in }"
  outputCollection: .deep.out
  iterationParam: one
  batchSize: 3
  actions: [{functionRef: f, condition: "$one.ok"}, {functionRef: g}]
  end: true
""")
    each = "/states/0#each"
    assert only(program, Each) == Each(
        id=each, name="S", scope="/states/0", collection=Text(".in"), parameter="one",
        body="/states/0/actions/0", mode="parallel", batch=3, output=("deep", "out"),
        output_pointer="/states/0/outputCollection",
    )  # fmt: skip
    plain = DataSelection(pointer="/states/0/actions/0")
    assert program.nodes["/states/0/actions/0"] == act(
        0, "f", scope=each, next="/states/0/actions/1", when=Text("$one.ok"), selection=plain
    )


def test_a_callback_acts_and_then_listens() -> None:
    program = compiled("""
- name: S
  type: callback
  action: {functionRef: f}
  eventRef: A
  eventDataFilter: {toStateData: .answer}
  timeouts: {eventTimeout: PT1M, actionExecTimeout: PT2S}
  end: true
""")
    assert only(program, Act) == act(
        "/states/0/action", "f", next="/states/0/eventRef", callback=True, timeout_ms=2000
    )
    assert only(program, Listen) == Listen(
        id="/states/0/eventRef", name="S", scope="/states/0", callback=True, timeout_ms=60_000,
        entries=(
            Listening(
                "/states/0/eventRef#entry", "A", (EventDefinition("A", "a", "s"),),
                DataSelection(
                    path=("answer",), pointer="/states/0/eventDataFilter/toStateData"
                ),
            ),
        ),
    )  # fmt: skip


def test_errors_data_filters_and_produced_events_of_a_state() -> None:
    program = compiled("""
- name: S
  type: operation
  actions: []
  stateDataFilter: {input: "${ .in }", output: .out}
  onErrors:
  - {errorRefs: [Late, Odd], transition: S}
  - {errorRef: "*", end: true}
  end:
    terminate: true
    produceEvents:
    - {eventRef: P, data: "${ .d }", contextAttributes: {Order: "${ .id }", fixed: x}}
    - {eventRef: P, data: {k: "${ .d }", n: 1}}
""")
    again = Exit("/states/0", pointer="/states/0/onErrors/0/transition")
    produced = "/states/0/end/produceEvents"
    assert only(program, Scope) == Scope(
        id="/states/0", name="S", scope="", type="operation", input=Text(".in"),
        output=Text(".out"),
        catches=(
            Catch("Late", "timeout", again, "/states/0/onErrors/0"),
            Catch("Odd", "Odd", again, "/states/0/onErrors/0"),
            Catch("*", "*", Exit(pointer="/states/0/onErrors/1/end"), "/states/0/onErrors/1"),
        ),
        exit=Exit(
            None,
            (
                Emission(
                    "P", "p", "me", Template(None, (((), ".d"),)),
                    (("order", Template("${ .id }", (((), ".id"),))), ("fixed", Template("x"))),
                    f"{produced}/0",
                ),
                Emission(
                    "P", "p", "me", Template({"k": "${ .d }", "n": 1}, ((("k",), ".d"),)),
                    pointer=f"{produced}/1",
                ),
            ),
            terminate=True, pointer="/states/0/end",
        ),
    )  # fmt: skip


def test_a_retry_with_a_share_and_without_listed_errors_retries_all() -> None:
    program = compiled("""
- {name: S, type: operation, actions: [{functionRef: f, retryRef: S}], end: true}
""")
    assert only(program, Act).retry == Retry("S", 1, jitter_share=0.25)


def test_a_function_reference_in_a_condition_is_the_functions_expression() -> None:
    program = compiled("""
- {name: S, type: operation, actions: [{functionRef: f, condition: "${ fn:e }"}], end: true}
""")
    assert only(program, Act).when == Text(".a")


def test_yaml_and_json_twins_are_the_same_program() -> None:
    text = HEAD + "- {name: S, type: inject, data: {a: 1, b: [true, null, x]}, end: true}\n"
    twin = json.dumps(yaml.safe_load(text), indent=3).encode()
    program = program_of(text.encode(), "application/yaml")
    assert program_of(twin, "application/json") == program
    assert program.definition_hash == program_of(text.encode() + b"# c\n", "").definition_hash


def test_another_content_or_another_resource_is_another_hash() -> None:
    states = "- {name: S, type: operation, actions: [{functionRef: r}], end: true}\n"
    head = HEAD.replace("functions:\n", 'functions:\n- {name: r, operation: "api.json#x"}\n')
    text = (head + states).encode()

    def hash_with(extra: bytes, source: bytes = text) -> str:
        document = b'{"paths": {"/x": {"get": {"operationId": "x"' + extra + b"}}}}"
        return program_of(source, "", {"api.json": document, "unused": extra}).definition_hash

    assert hash_with(b"") == hash_with(b" ")
    assert hash_with(b"") != hash_with(b', "deprecated": true')
    assert hash_with(b"") != hash_with(b"", text.replace(b"id: w", b"id: v"))
