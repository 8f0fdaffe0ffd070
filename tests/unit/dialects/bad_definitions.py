"""Wrong definitions: a name, the edits that make it wrong, and the code and place of the fault."""

from typing import Any, NamedTuple

from tests.unit.dialects.kitchen_sink import REMOVE

Edit = tuple[str, Any]


class Bad(NamedTuple):
    code: str
    pointer: str
    edits: tuple[Edit, ...]


def bad(code: str, pointer: str, *edits: Edit) -> Bad:
    return Bad(f"definition.{code}", pointer, edits)


def at(code: str, pointer: str, value: Any) -> Bad:
    """The fault stands where the value was put."""
    return bad(code, pointer, (pointer, value))


WORK, WAIT, CHOOSE, BOTH, ALL, ASK, RACE = (f"/states/{number}" for number in (1, 0, 2, 5, 6, 7, 8))
ACTION = f"{WORK}/actions/0"
WAITING = f"{WAIT}/onEvents/0"
PRODUCED = f"{RACE}/eventConditions/0/end/produceEvents/0"
LONG = "x" * 257

SHAPE = [
    bad("shape.required", "", ("/id", REMOVE)),
    bad("shape.required", "", ("/states", REMOVE)),
    bad("shape.required", WORK, (f"{WORK}/name", REMOVE)),
    bad("shape.required", WORK, (f"{WORK}/type", REMOVE)),
    bad("shape.required", WORK, (f"{WORK}/actions", REMOVE)),
    bad("shape.required", WAIT, (f"{WAIT}/onEvents", REMOVE)),
    bad("shape.required", WAITING, (f"{WAITING}/eventRefs", REMOVE)),
    bad("shape.required", "/states/3", ("/states/3/duration", REMOVE)),
    bad("shape.required", "/states/4", ("/states/4/data", REMOVE)),
    bad("shape.required", BOTH, (f"{BOTH}/branches", REMOVE)),
    bad("shape.required", f"{BOTH}/branches/1", (f"{BOTH}/branches/1/name", REMOVE)),
    bad("shape.required", f"{BOTH}/branches/1", (f"{BOTH}/branches/1/actions", REMOVE)),
    bad("shape.required", ALL, (f"{ALL}/inputCollection", REMOVE)),
    bad("shape.required", ALL, (f"{ALL}/actions", REMOVE)),
    bad("shape.required", ASK, (f"{ASK}/action", REMOVE)),
    bad("shape.required", ASK, (f"{ASK}/eventRef", REMOVE)),
    bad(
        "shape.required",
        f"{RACE}/eventConditions/0",
        (f"{RACE}/eventConditions/0/eventRef", REMOVE),
    ),
    bad(
        "shape.required",
        f"{CHOOSE}/dataConditions/0",
        (f"{CHOOSE}/dataConditions/0/condition", REMOVE),
    ),
    bad("shape.required", "/functions/0", ("/functions/0/name", REMOVE)),
    bad("shape.required", "/events/0", ("/events/0/type", REMOVE)),
    bad(
        "shape.required",
        "/events/0/correlation/0",
        ("/events/0/correlation/0/contextAttributeName", REMOVE),
    ),
    bad("shape.required", "/errors/1", ("/errors/1/name", REMOVE)),
    bad("shape.required", "/retries/0", ("/retries/0/name", REMOVE)),
    bad("shape.required", f"{ACTION}/functionRef", (f"{ACTION}/functionRef/refName", REMOVE)),
    bad("shape.required", f"{WORK}/transition", (f"{WORK}/transition", {"produceEvents": []})),
    bad("shape.required", "/start", ("/start", {"schedule": "PT1H"})),
    at("shape.type", "/id", []),
    at("shape.type", "/start", 3),
    at("shape.type", "/states", {}),
    at("shape.type", "/states/3", "sleep"),
    at("shape.type", "/functions", {}),
    at("shape.type", "/events", 1),
    at("shape.type", "/constants", []),
    at("shape.type", "/timeouts", []),
    at("shape.type", "/annotations", "x"),
    at("shape.type", "/keepActive", "yes"),
    at("shape.type", f"{WORK}/actions", {}),
    at("shape.type", f"{WORK}/transition", ["Choose"]),
    at("shape.type", f"{ACTION}/functionRef", 5),
    at("shape.type", f"{ACTION}/functionRef/arguments", [1]),
    at("shape.type", f"{ACTION}/functionRef/arguments", "plain text"),
    at("shape.type", f"{ACTION}/sleep", "PT1S"),
    at("shape.type", f"{ACTION}/condition", 1),
    at("shape.type", f"{ACTION}/retryableErrors", "Broken"),
    at("shape.type", f"{ACTION}/actionDataFilter/useResults", 1),
    at("shape.type", "/states/4/data", [1]),
    at("shape.type", f"{BOTH}/numCompleted", True),
    at("shape.type", f"{WAITING}/eventRefs", "Ordered"),
    at("shape.type", f"{WAITING}/eventRefs/0", {}),
    at("shape.type", f"{RACE}/eventConditions/0/end", "now"),
    at("shape.value", f"{WORK}/type", "opration"),
    at("shape.value", f"{WORK}/type", "Operation"),
    at("shape.value", f"{WORK}/actionMode", "both"),
    at("shape.value", f"{ALL}/mode", "batch"),
    at("shape.value", f"{BOTH}/completionType", "and"),
    at("shape.value", "/events/1/kind", "produce"),
    at("shape.value", "/functions/1/type", "console"),
    at("shape.value", f"{ACTION}/functionRef/invoke", "later"),
    at("shape.empty", "/states", []),
    at("shape.empty", f"{WAIT}/onEvents", []),
    at("shape.empty", f"{WAITING}/eventRefs", []),
    at("shape.empty", f"{CHOOSE}/dataConditions", []),
    at("shape.empty", f"{BOTH}/branches", []),
    at("shape.empty", "/events/0/correlation", []),
    at("shape.empty", f"{WORK}/onErrors/0/errorRefs", []),
    at("shape.empty", f"{ACTION}/functionRef/refName", ""),
    at("shape.empty", "/states/3/duration", ""),
    at("shape.empty", "/id", ""),
    at("shape.name", "/id", LONG),
    at("shape.name", f"{WORK}/name", LONG),
    at("shape.name", "/functions/0/name", "a\nb"),
    at("shape.unknown_property", f"{WORK}/action", {}),
    at("shape.unknown_property", f"{WAIT}/eventTimeout", "PT1S"),
    at("shape.unknown_property", f"{ACTION}/argumnts", {}),
    at("shape.unknown_property", f"{ACTION}/functionRef/retryRef", "Patient"),
    at("shape.unknown_property", f"{ACTION}/actionDataFilter/toState", "."),
    at("shape.unknown_property", f"{WAITING}/eventDataFilter/results", "."),
    at("shape.unknown_property", "/functions/0/url", "x"),
    at("shape.unknown_property", "/events/0/dataonly", True),
    at("shape.unknown_property", "/retries/0/attempts", 1),
    at("shape.unknown_property", f"{BOTH}/branches/0/transition", "All"),
    at("shape.unknown_property", "/timeouts/stateTimeout", "PT1S"),
    at("shape.unknown_property", f"{CHOOSE}/transition", "Rest"),
    at("shape.unknown_property", f"{ALL}/a~1b", 1),
]

NAMES = [
    at("state.unknown", "/start", "Nowhere"),
    bad("state.unknown", "/start/stateName", ("/start", {"stateName": "Nowhere"})),
    at("state.unknown", f"{WORK}/transition", "choose"),
    bad(
        "state.unknown", f"{WORK}/transition/nextState", (f"{WORK}/transition", {"nextState": "X"})
    ),
    at("state.unknown", f"{WORK}/onErrors/0/transition", "X"),
    at("state.unknown", f"{CHOOSE}/dataConditions/0/transition", "X"),
    at("state.unknown", f"{CHOOSE}/defaultCondition/transition", "X"),
    at("function.unknown", f"{ACTION}/functionRef/refName", "cal"),
    at("function.unknown", f"{ACTION}/functionRef", "nothing"),
    at("function.unknown", f"{ASK}/action/functionRef", "nothing"),
    at("function.unknown", f"{ACTION}/condition", "${ fn:isReady }"),
    at("event.unknown", f"{WAITING}/eventRefs/0", "ordered"),
    at("event.unknown", f"{ASK}/eventRef", "Payed"),
    at("event.unknown", f"{RACE}/eventConditions/0/eventRef", "X"),
    at("event.unknown", f"{PRODUCED}/eventRef", "X"),
    at("error.unknown", f"{WORK}/onErrors/0/errorRef", "late"),
    at("error.unknown", f"{ACTION}/retryableErrors/0", "X"),
    bad("error.unknown", f"{ACTION}/nonRetryableErrors/0", (f"{ACTION}/nonRetryableErrors", ["X"])),
    at("retry.unknown", f"{ACTION}/retryRef", "Impatient"),
    at("secret.unknown", f"{ACTION}/functionRef/arguments/key", "${ $SECRETS.tokn }"),
    at("secret.unknown", f"{ACTION}/functionRef/arguments/key", '${ $SECRETS["a b"] }'),
    bad("secret.unknown", f"{ACTION}/functionRef/arguments/key", ("/secrets", REMOVE)),
    at("name.duplicate", "/states/3/name", "Work"),
    at("name.duplicate", "/functions/1/name", "call"),
    at("name.duplicate", "/events/2/name", "Paid"),
    at("name.duplicate", "/errors/1/name", "Late"),
    at("name.duplicate", f"{BOTH}/branches/1/name", "left"),
    bad("state.unreachable", "/states/4", ("/states/3/transition", "Both")),
    bad("state.unreachable", "/states/0", ("/start", "Work")),
]

MEANING = [
    bad("id.both", "/key", ("/key", "sink")),
    at("id.expression", "/id", "${ .id }"),
    at("id.characters", "/id", "a/b"),
    at("id.characters", "/id", " a"),
    at("spec_version", "/specVersion", "1.0.0"),
    at("spec_version", "/specVersion", "0.7"),
    bad("exit.both", WORK, (f"{WORK}/end", True)),
    bad("exit.missing", WORK, (f"{WORK}/transition", REMOVE)),
    bad("exit.missing", WORK, (f"{WORK}/transition", REMOVE), (f"{WORK}/end", False)),
    bad("exit.missing", f"{CHOOSE}/dataConditions/1", (f"{CHOOSE}/dataConditions/1/end", REMOVE)),
    bad("exit.both", f"{CHOOSE}/defaultCondition", (f"{CHOOSE}/defaultCondition/end", True)),
    bad("exit.missing", f"{CHOOSE}/defaultCondition", (f"{CHOOSE}/defaultCondition", {})),
    bad("exit.missing", f"{WORK}/onErrors/0", (f"{WORK}/onErrors/0/transition", REMOVE)),
    bad("error.refs", f"{WORK}/onErrors/0", (f"{WORK}/onErrors/0/errorRef", REMOVE)),
    bad("error.refs", f"{WORK}/onErrors/0", (f"{WORK}/onErrors/0/errorRefs", ["Late"])),
    bad("action.nothing", ACTION, (f"{ACTION}/functionRef", REMOVE)),
    bad("action.several", ACTION, (f"{ACTION}/subFlowRef", "other")),
    bad("switch.conditions", CHOOSE, (f"{CHOOSE}/dataConditions", REMOVE)),
    bad(
        "switch.conditions",
        CHOOSE,
        (f"{CHOOSE}/eventConditions", [{"eventRef": "Paid", "end": True}]),
    ),
    bad("switch.default_required", RACE, (f"{RACE}/defaultCondition", REMOVE)),
    at("duration", "/states/3/duration", "P1M"),
    at("duration", "/states/3/duration", "PT30D"),
    at("duration", "/states/3/duration", "soon"),
    at("duration", "/states/3/duration", "P99Y"),
    at("duration", f"{ACTION}/sleep/before", "1s"),
    at("duration", f"{ACTION}/sleep/after", "PT"),
    at("duration", f"{WAIT}/timeouts/eventTimeout", "P"),
    at("duration", "/timeouts/actionExecTimeout", "PT1X"),
    at("duration", "/retries/0/delay", "PT-1S"),
    at("duration", "/retries/0/maxDelay", "1"),
    at("duration", "/retries/0/increment", "P1Y"),
    at("duration", "/retries/0/jitter", "much"),
    bad(
        "timeout.zero",
        f"{WORK}/timeouts/actionExecTimeout",
        (f"{WORK}/timeouts", {"actionExecTimeout": "PT0S"}),
    ),
    at("retry.jitter", "/retries/0/jitter", 1.5),
    at("retry.multiplier", "/retries/0/multiplier", -1),
    at("retry.multiplier", "/retries/0/multiplier", "fast"),
    at("retry.max_attempts", "/retries/0/maxAttempts", -1),
    at("retry.max_attempts", "/retries/0/maxAttempts", 1.5),
    at("retry.max_attempts", "/retries/0/maxAttempts", "often"),
    at("retry.max_attempts", "/retries/0/maxAttempts", 100_000),
    bad("retry.max_attempts", "/retries/0", ("/retries/0/maxAttempts", REMOVE)),
    bad("retry.no_policy", ACTION, (f"{ACTION}/retryRef", REMOVE)),
    at("foreach.batch_size", f"{ALL}/batchSize", 0),
    at("foreach.batch_size", f"{ALL}/batchSize", 1.5),
    at("foreach.batch_size", f"{ALL}/batchSize", "some"),
    at("foreach.batch_size", f"{ALL}/batchSize", 1001),
    at("foreach.parameter", f"{ALL}/iterationParam", "the item"),
    at("foreach.parameter", f"{ALL}/iterationParam", "CONST"),
    at("parallel.num_completed", f"{BOTH}/numCompleted", 0),
    at("parallel.num_completed", f"{BOTH}/numCompleted", 3),
    at("parallel.num_completed", f"{BOTH}/numCompleted", "3"),
    bad("parallel.num_completed", BOTH, (f"{BOTH}/numCompleted", REMOVE)),
    at("event.kind", f"{ASK}/eventRef", "Shipped"),
    at("event.kind", f"{PRODUCED}/eventRef", "Ordered"),
    at("event.repeated", f"{WAITING}/eventRefs/1", "Ordered"),
    at("event.source", "/events/2/source", "my depot"),
    at("event.attribute", "/events/0/correlation/0/contextAttributeName", "order-id"),
    bad(
        "event.attribute",
        f"{PRODUCED}/contextAttributes/type",
        (f"{PRODUCED}/contextAttributes", {"type": "x"}),
    ),
    *(
        bad(
            "event.correlation",
            "/events/0/correlation/0/contextAttributeValue",
            ("/events/0/correlation/0/contextAttributeValue", value),
        )
        for value in ("${ .order.id }", "${ $CONST.nothing }", "${ error }", "${ $CONST.rate, 1 }")
    ),
    bad(
        "event.correlation",
        "/events/0/correlation/1",
        ("/events/0/correlation", [{"contextAttributeName": "a"}, {"contextAttributeName": "A"}]),
    ),
    at("function.operation", "/functions/0/operation", "http://example.org/api.json"),
    at("function.operation", "/functions/0/operation", "#doIt"),
    at("function.operation", "/functions/1/operation", "rest:FETCH:https://example.org"),
    at("function.operation", "/functions/1/operation", "rest:GET:ftp://example.org"),
    at("function.operation", "/functions/1/operation", "rest:GET:https://"),
    at("function.operation", "/functions/2/operation", "python:module"),
    at("function.operation", "/functions/2/operation", "python:a b:c"),
    at("function.operation", "/functions/2/operation", "python:a:1c"),
    bad("function.operation_missing", "/functions/2", ("/functions/2/operation", REMOVE)),
    at("function.operation_unknown", "/functions/0/operation", "http://example.org/api.json#doit"),
    at("resource_missing", "/functions/0/operation", "http://example.org/other.json#doIt"),
    at("resource_missing", "/retries", "file://nothing.yaml"),
    bad(
        "limit.states",
        "/states",
        (
            "/states",
            [
                {"name": f"s{n}", "type": "sleep", "duration": "PT1S", "transition": f"s{n + 1}"}
                for n in range(1001)
            ],
        ),
    ),
    bad(
        "limit.fan_out",
        f"{WORK}/actions",
        (f"{WORK}/actionMode", "parallel"),
        (f"{WORK}/actions", [{"functionRef": "double"}] * 1001),
    ),
    bad(
        "limit.fan_out",
        f"{BOTH}/branches",
        (f"{BOTH}/branches", [{"name": f"b{n}", "actions": []} for n in range(1001)]),
    ),
]

EXPRESSIONS = [
    at("expression.syntax", f"{ACTION}/condition", ".a == )"),
    at("expression.syntax", f"{WORK}/stateDataFilter/input", "${ .a[ }"),
    at("expression.syntax", f"{WORK}/stateDataFilter/output", "{a: .b"),
    at("expression.syntax", f"{ACTION}/functionRef/arguments/id", "${ .a ] }"),
    at("expression.syntax", f"{CHOOSE}/dataConditions/0/condition", "(.a"),
    at("expression.syntax", f"{ALL}/inputCollection", ".a]"),
    at("expression.syntax", "/functions/3/operation", '"open'),
    at("expression.brackets", f"{ACTION}/condition", "${ .a"),
    at("expression.brackets", f"{ACTION}/condition", "${ .a } and ${ .b }"),
    bad(
        "expression.syntax",
        "/metadata/refold~1dataSubject",
        ("/metadata", {"refold/dataSubject": "${ .a ] }"}),
    ),
    at("expression.refused", f"{ACTION}/condition", "env.HOME != null"),
    at("expression.refused", f"{ACTION}/condition", "now > 5"),
    at("expression.variable", f"{ACTION}/condition", "$WORKFLOWS.id"),
    at("expression.variable", f"{ACTION}/functionRef/arguments/id", "${ $item }"),
    at("expression.variable", f"{ACTION}/functionRef/arguments/key", "${ $SECRET.token }"),
    at("expression.secrets", f"{ACTION}/condition", "$SECRETS.token != null"),
    at("expression.secrets", f"{PRODUCED}/data", "$SECRETS.token"),
    at("expression.secrets", "/functions/3/operation", "$SECRETS.token"),
    at("expression.secrets", f"{WORK}/stateDataFilter/output", "${ $SECRETS }"),
    at("expression.path", f"{ACTION}/actionDataFilter/toStateData", ".a + .b"),
    at("expression.path", f"{ACTION}/actionDataFilter/toStateData", ".a[]"),
    at("expression.path", f"{WAITING}/eventDataFilter/toStateData", ".a | .b | length"),
    at("expression.path", f"{ALL}/outputCollection", "."),
    at("expression.path", f"{ALL}/outputCollection", ".a[-1]"),
    at("expression.function", f"{ACTION}/condition", "${ fn:compute }"),
    bad(
        "expression.function",
        f"{ACTION}/condition",
        (f"{ACTION}/condition", "fn:double"),
        ("/functions/3/operation", "${ fn:double }"),
    ),
    at("expression.limit", f"{ACTION}/condition", ".a" + " + .a" * 5000),
]

NOT_SUPPORTED = [
    at("not_supported", pointer, value)
    for pointer, value in [
        ("/dataInputSchema", "schema.json"),
        ("/keepActive", True),
        ("/autoRetries", True),
        ("/expressionLang", "jsonpath"),
        ("/auth", [{"name": "a"}]),
        ("/version", "${ .v }"),
        ("/timeouts/workflowExecTimeout", "PT1H"),
        ("/timeouts/stateExecTimeout", {"total": "PT1H"}),
        ("/timeouts/branchExecTimeout", "PT1H"),
        (f"{WAIT}/timeouts/stateExecTimeout", "PT1H"),
        ("/functions/0/authRef", "a"),
        ("/functions/0/type", "rpc"),
        ("/functions/0/type", "graphql"),
        ("/functions/0/type", "asyncapi"),
        ("/functions/0/type", "odata"),
        ("/functions/1/operation", "sysout"),
        ("/functions/1/operation", "service:java:x::y"),
        (f"{WORK}/compensatedBy", "Fill"),
        (f"{WORK}/usedForCompensation", True),
        (f"{ACTION}/subFlowRef", "other"),
        (f"{ACTION}/subFlowRef", {"workflowId": "other", "version": "1"}),
        (f"{ACTION}/eventRef", {"triggerEventRef": "Shipped", "resultEventRef": "Paid"}),
        (f"{ACTION}/functionRef/invoke", "async"),
        (f"{ACTION}/functionRef/selectionSet", "{ id }"),
        (f"{RACE}/eventConditions/0/end/compensate", True),
        (f"{RACE}/defaultCondition/end/continueAs", "other"),
    ]
] + [
    bad(
        "not_supported", "/start/schedule", ("/start", {"stateName": "Wait", "schedule": "R/PT1H"})
    ),
    bad(
        "not_supported",
        f"{WORK}/transition/compensate",
        (f"{WORK}/transition", {"nextState": "Choose", "compensate": True}),
    ),
    bad(
        "not_supported",
        f"{BOTH}/branches/0/timeouts/branchExecTimeout",
        (f"{BOTH}/branches/0/timeouts", {"branchExecTimeout": "PT1S"}),
    ),
]

ALL_BAD = [*SHAPE, *NAMES, *MEANING, *EXPRESSIONS, *NOT_SUPPORTED]
