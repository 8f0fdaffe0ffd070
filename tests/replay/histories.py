"""The histories that are kept: a definition, and what happened to it. Never change one; add."""

from schemas.events.parts import (
    AnswerPolicy,
    Asked,
    EditedCloudEvent,
    Error,
    FrameEdit,
    MockAnswer,
    Write,
)

HEAD = """
id: {name}
name: {name}
version: '1'
specVersion: '0.8'
constants: {{limit: 10, rate: 1.10}}
secrets: [TOKEN]
functions:
- {{name: work, type: custom, operation: 'python:shop:work'}}
- {{name: fetch, type: custom, operation: 'rest:GET:https://shop.example/stock'}}
- {{name: total, type: expression, operation: '{{total: (.price * .count)}}'}}
errors:
- {{name: out of stock, code: shop.out_of_stock}}
retries:
- {{name: twice, delay: PT2S, multiplier: 2, jitter: 0.5, maxAttempts: 2}}
events:
- name: ordered
  type: shop.ordered
  source: /shop/+
  correlation: [{{contextAttributeName: customer}}]
- name: paid
  type: shop.paid
  source: /bank
  correlation: [{{contextAttributeName: customer}}]
- {{name: done, type: shop.done, source: /refold, kind: produced}}
"""

ORDER = """
start: ordering
states:
- name: ordering
  type: event
  onEvents:
  - eventRefs: [ordered]
    eventDataFilter: {toStateData: .order}
    actions:
    - functionRef:
        refName: fetch
        arguments: {sku: '${ .order.sku }', key: '${ $SECRETS.TOKEN }'}
      actionDataFilter: {results: .stock, toStateData: .stock}
      retryRef: twice
      sleep: {before: PT1S, after: PT1S}
    - functionRef: work
      condition: .order.gift
  transition: pricing
- name: pricing
  type: operation
  actions:
  - functionRef: total
    actionDataFilter: {fromStateData: .order}
  transition: deciding
- name: deciding
  type: switch
  dataConditions:
  - {name: large, condition: .total > $CONST.limit, transition: paying}
  defaultCondition: {end: true}
- name: paying
  type: event
  onEvents: [{eventRefs: [paid], eventDataFilter: {useData: false}}]
  timeouts: {eventTimeout: PT1H}
  stateDataFilter: {output: '{order, total}'}
  end:
    produceEvents:
    - {eventRef: done, data: '${ {total} }', contextAttributes: {customer: c1}}
"""

BRANCHES = """
start: both
states:
- name: both
  type: parallel
  branches:
  - {name: one, actions: [{functionRef: work}, {functionRef: fetch}]}
  - {name: two, actions: [{functionRef: work}]}
  transition: either
- name: either
  type: parallel
  completionType: atLeast
  numCompleted: 1
  branches:
  - {name: quick, actions: [{functionRef: work}]}
  - {name: slow, actions: [{functionRef: fetch}]}
  - {name: slower, actions: [{functionRef: work, sleep: {before: PT1H}}]}
  end: true
"""

ITERATIONS = """
start: collecting
states:
- name: collecting
  type: foreach
  inputCollection: .items
  iterationParam: item
  outputCollection: .results
  batchSize: 2
  actions: [{functionRef: {refName: work, arguments: {item: '${ .item }', of: '${ $item }'}}}]
  transition: failing
- name: failing
  type: foreach
  inputCollection: .items
  iterationParam: item
  actions: [{functionRef: work}]
  onErrors:
  - errorRef: out of stock
    transition: {nextState: noting, produceEvents: [{eventRef: done}]}
  end: true
- name: noting
  type: inject
  data: {noted: [1.10, 1e2, 12345678901234567890], deep: {a: {b: null}}}
  end: {terminate: true}
"""

GATHERING = """
start: both
states:
- name: both
  type: event
  exclusive: false
  timeouts: {eventTimeout: PT10M}
  onEvents:
  - {eventRefs: [ordered], eventDataFilter: {toStateData: .order}}
  - {eventRefs: [paid], eventDataFilter: {toStateData: .payment}, actions: [{functionRef: work}]}
  end: true
"""

CALLBACK = """
start: asking
states:
- name: asking
  type: callback
  action: {functionRef: work}
  eventRef: paid
  eventDataFilter: {toStateData: .answer}
  timeouts: {eventTimeout: PT1M}
  transition: asking again
- name: asking again
  type: callback
  action: {functionRef: work}
  eventRef: paid
  timeouts: {eventTimeout: PT1M}
  transition: resting
- name: resting
  type: sleep
  duration: PT1M
  transition: waiting
- name: waiting
  type: event
  exclusive: false
  onEvents: [{eventRefs: [ordered]}, {eventRefs: [paid]}]
  end: true
"""

ordered = ("event", "shop.ordered", "/shop/web", {"customer": "c1"})
paid = ("event", "shop.paid", "/bank", {"customer": "c1"})

FORKED = {
    "policy": AnswerPolicy(
        default="recorded", actions={"fetch": "mock", "pricing/total": "live"}, missing="live",
        mocks={"fetch": (
            MockAnswer(error=Error(code="http.503", message="away")), MockAnswer({"stock": 2}),
        )},
        skip_timers=True,
    ),
    "name": "order-7-again", "start_key": "name:order-7-again",
    "edits": (FrameEdit(2, (Write(path=("order", "count"), mode="replace", value=5),)),),
    "events": (EditedCloudEvent(2, {"iban": "y"}, {"id": "id-2", "data": {"iban": "y"}}),),
    "patch": {"data": [{"op": "replace", "path": "/order/count", "value": 5}]},
    "redrive": True, "batch": "batch-1", "asked": Asked(origin="127.0.0.1", reason="wrong count"),
}  # fmt: skip

HISTORIES = {
    "order_completed": (ORDER, [
        (*ordered, {"sku": "a-1", "price": 7, "count": 3, "gift": False}), ("fire",),
        ("fail", 0, "http.503", ["http.5xx"]), ("fire",), ("fail", 0, "http.503", []), ("fire",),
        ("answer", 0, {"stock": 12345678901234567890}), ("fire",), (*paid, {"iban": "x"}),
    ]),
    "order_not_paid": (ORDER, [
        (*ordered, {"sku": "a-1", "price": 7, "count": 3, "gift": True}), ("fire",),
        ("answer", 0, {"stock": 1}), ("fire",), ("answer", 0, "wrapped"), ("fire",),
    ]),
    "order_failed": (ORDER, [
        ("start", {"by": "hand"}), (*ordered, {"sku": 1, "gift": "no"}), ("fire",),
        ("answer", 0, None), ("fire",),
    ]),
    "branches": (BRANCHES, [
        ("start", {"list": [1, "x"], "who": "nobody"}), ("answer", 1, {"list": [1, True, 2.50]}),
        ("answer", 0, {"who": "one", "list": [2.5, {"a": 1}]}), ("answer", 0, {"who": "fetch"}),
        ("answer", 0, [3]),
    ]),
    "iterations_caught": (ITERATIONS, [
        ("start", {"items": [{"n": 1}, 2, "three"]}), ("answer", 1, {"got": 2}), ("answer", 0, 1),
        ("answer", 0, None), ("answer", 1, {}), ("fail", 0, "shop.out_of_stock", []),
    ]),
    "iterations_failed": (ITERATIONS, [
        ("start", {"items": [1, 2]}), ("fail", 1, "connection.refused", ["connection"]),
    ]),
    "gathering_completed": (GATHERING, [
        (*paid, {"amount": 3}), (*ordered, {"sku": "b"}), ("answer", 0, {"ok": True}),
    ]),
    "gathering_expired": (GATHERING, [(*ordered, {"sku": "b"}), ("fire",)]),
    "callback_cancelled": (CALLBACK, [
        ("start", {}), ("callback", {"early": True}), ("answer", 0, {"asked": 1}),
        ("answer", 0, {"asked": 2}), (*paid, {"came": True}), ("fire",), (*ordered, {"first": 1}),
        ("cancel",),
    ]),
    "callback_timed_out": (CALLBACK, [
        ("start", {}), ("answer", 0, {"asked": 1}), ("fire",), ("cancel",),
    ]),
    "sleep_cancelled": (CALLBACK, [
        ("start", {}), ("answer", 0, None), ("callback", 1), ("answer", 0, 5), ("fire",),
        ("cancel",),
    ]),
    "held_by_a_person": (ORDER, [
        ("start", {"by": "hand"}), ("pause",),
        (*ordered, {"sku": "a-1", "price": 7, "count": 3, "gift": False}), ("go_step",),
        ("pause",), ("fire",), ("resume",), ("fail", 0, "http.503", ["http.5xx"]), ("pause",),
        ("fire",), ("resume",), ("answer", 0, {"stock": 1}), ("pause",), ("fire",), ("go_step",),
        ("go_step",), ("resume",), (*paid, {"iban": "x"}),
    ]),
    "held_by_breakpoints": (BRANCHES, [
        ("break_at", ("bp_1", "both", ".who", 1.0, None, "a name is no condition"),
         ("bp_2", "both", '.who == "nobody"'), ("bp_3", "either", None, 1.0, 1_767_229_200_000)),
        ("start", {"list": [1], "who": "nobody"}), ("go_step",), ("resume",),
        ("answer", 1, {"list": [2]}), ("answer", 0, {"who": "one"}), ("answer", 0, {"who": "two"}),
        ("fire",), ("pause",), ("cancel",),
    ]),
    "forked_and_forked_from": (ORDER, [
        (*ordered, {"sku": "a-1", "price": 7, "count": 3, "gift": False}), ("fire",),
        ("fail", 0, "http.503", ["http.5xx"]), ("fork", 7, FORKED), ("fire",), ("fire",),
        (*paid, {"iban": "x"}), ("note_fork", 7),
    ]),
    "forked_anew_and_failed": (BRANCHES, [
        ("start", {"list": [], "who": "nobody"}),
        ("fork_anew", {"list": [1], "who": "else"}, {"policy": AnswerPolicy(default="recorded")}),
        ("fail", 0, "http.503", []), ("note_fork", 3),
    ]),
    "cancelled_with_a_reason": (CALLBACK, [("start", {}), ("cancel",)]),
    "imported_and_forked": (BRANCHES, [
        ("start", {"list": [1], "who": "nobody"}), ("fail", 0, "http.503", []),
        ("note_import", {"redacted": ("/who",), "asked": Asked("ops", "to look at it")}),
        ("note_fork", 3),
    ]),
}  # fmt: skip


def definition_of(name):
    """The text of the definition that the history is of."""
    return (HEAD.format(name=name) + HISTORIES[name][0]).encode()
