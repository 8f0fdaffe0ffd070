"""Random definitions of DSL 0.8, data and CloudEvents; everything follows from a seed."""

import json

KEYS = ("a", "b", "n", "list", "obj", "flag")
SCALARS = (0, 1, 2, 3, -1, 1.5, 0.25, "x", "y", "", True, False, None)
VALUES = (
    ".", ".a", ".b", ".n", ".list", ".obj", ".obj.a", ".missing", "{a: .a}", "{a, n}",
    "{b: .n, obj: {x: .a}}", "{list: [.n]}", ".n + 1", ".list[0]", ".list[]?",
    "[.list[]? | select(. != 1)]", "(.list | length)", ".obj // {a: 1}", "$CONST.k", "$CONST.obj",
    "if .flag == true then {b: 2} else . end", "empty", "[.a, .b]", "{obj: $CONST.obj}", "null",
)  # fmt: skip
OBJECTS = (
    ".", ".obj", "{a: .a}", "{a, n, list}", "{b: .n, obj: {x: .a}}", "{list: [.n], n}", "empty",
    ".obj // {a: 1}", "$CONST.obj", "if .flag == true then {b: 2, list: .list} else . end", "null",
    "{obj: $CONST.obj, list, a}", ". + {n: 2}", "{flag: true, n: 3, list: [1, 2]}",
)  # fmt: skip
CONDITIONS = (
    ".n > 1", ".flag == true", ".a == .b", "(.list | length) > 0", ".obj.a != null", "true",
    "false", ".flag", '.a == "x"', "has(\"a\")", ".n == $CONST.k",
)  # fmt: skip
COLLECTIONS = (
    "(.list // [])", "(.list // [])", ".list", "[.a, .n]", "(.obj.list // [1])", "[]",
    "[1, 2, 2, 3]", "[1, 2, 3]", ".a",
)  # fmt: skip
PLACES = (".a", ".b", ".list", ".obj.x", ".obj.a", ".new", ".new.deep", ".", ".r", ".s")
DURATIONS = ("PT1S", "PT2S", "PT5S", "PT0.5S", "PT1M", "PT0S")
CODES = ("e.one", "e.two", "e.three", "http.500", "data.type", "expression.failed", "expression")
ATTRIBUTES = ({}, {"key": "v1"}, {"key": "v2"}, {"key": "v1", "k2": "w"}, {"key": "1"}, {"k2": "w"})
SOURCES = ("/s/one", "/s/two", "/other", "/s/one/deep")


class Chance:
    """The choices of one seed."""

    def __init__(self, random):
        self.random = random

    def one(self, options):
        return self.random.choice(options)

    def maybe(self, share):
        return self.random.random() < share

    def data(self, depth=2):
        """Any JSON value."""
        kind = self.random.random()
        if depth == 0 or kind < 0.5:
            return self.one(SCALARS)
        if kind < 0.75:
            return [self.data(depth - 1) for _ in range(self.random.randrange(4))]
        return self.object(depth - 1)

    def object(self, depth=2):
        """Data of the shape that the expressions like, mostly."""
        keys = self.random.sample(KEYS, self.random.randrange(5))
        return {key: self._member(key, depth) for key in keys}

    def _member(self, key, depth):
        if self.maybe(0.06):
            return self.data(depth)
        if key == "list":
            return [self.one((1, 2, 3, "x", {"a": 1})) for _ in range(self.random.randrange(4))]
        if key == "obj":
            return self.object(depth - 1) if depth > 0 else {}
        if key == "flag":
            return self.maybe(0.5)
        return self.random.randrange(4) if key == "n" else self.one(SCALARS)

    def result(self):
        """What a function answers."""
        return self.object() if self.maybe(0.75) else self.data()

    def event(self):
        """A CloudEvent: type, source, attributes, data, and all of it as JSON."""
        kind, source = self.one(("t1", "t1", "t2", "t3")), self.one(SOURCES)
        attributes = self.one(ATTRIBUTES)
        data = self.object() if self.maybe(0.93) else self.data()
        whole = {"type": kind, "source": source, **attributes, "data": data}
        return {
            "type": kind, "source": source, "attributes": attributes, "data": data, "whole": whole,
        }  # fmt: skip


def definition(chance):
    """A document that the dialect accepts."""
    return _Author(chance).document()


class _Author:
    def __init__(self, chance):
        self.chance = chance
        self.names = [f"S{n}" for n in range(chance.random.randrange(1, 8))]

    def document(self):
        states = [self.state(number) for number in range(len(self.names))]
        document = {
            "id": "random", "name": "random", "version": "1", "specVersion": "0.8",
            "start": self.names[0],
            "constants": {"k": 1, "obj": {"a": 2}},
            "functions": [
                {"name": "call", "type": "custom", "operation": "python:mod:call"},
                {"name": "other", "type": "custom", "operation": "rest:GET:https://example.com/x"},
                {"name": "sum", "type": "expression", "operation": self.value(OBJECTS + VALUES)},
                {"name": "pick", "type": "expression", "operation": "{a: .a, list: [.n]}"},
            ],
            "errors": [
                {"name": "One", "code": "e.one"},
                {"name": "Two", "code": "e.two"},
                {"name": "data.type"},
                {"name": "Expr", "code": "expression"},
            ],
            "retries": [self.policy("often"), self.policy("seldom")],
            "events": self.events(),
            "states": states,
        }  # fmt: skip
        return reachable(document)

    def policy(self, name):
        chance = self.chance
        policy = {"name": name, "maxAttempts": chance.one((0, 1, 2, 3, 5))}
        if chance.maybe(0.9):
            policy["delay"] = chance.one(DURATIONS)
        if chance.maybe(0.4):
            policy["increment"] = chance.one(DURATIONS)
        if chance.maybe(0.4):
            policy["multiplier"] = chance.one((1, 2, 1.5, 0.5))
        if chance.maybe(0.3):
            policy["maxDelay"] = chance.one(DURATIONS)
        if chance.maybe(0.4):
            policy["jitter"] = chance.one((0, 0.5, 1, "PT1S", "PT0.3S"))
        return policy

    def events(self):
        made = [
            self.consumed("A", "t1"), self.consumed("B", "t2"), self.consumed("C", "t1"),
            self.consumed("D", "t3"),
        ]  # fmt: skip
        produced = {"name": "Out", "type": "out", "source": "/out", "kind": "produced"}
        return [*made, produced]

    def consumed(self, name, kind):
        chance = self.chance
        event = {"name": name, "type": kind, "kind": "consumed"}
        event["source"] = chance.one(("", "", "/s/one", "/s/+", "/s/#", "/+/one", "#"))
        if chance.maybe(0.3):
            event["dataOnly"] = chance.maybe(0.5)
        if chance.maybe(0.45):
            rules = [("key", chance.one((None, None, "v1", "${ $CONST.k }", "${ .a }")))]
            if chance.maybe(0.3):
                rules.append(("K2", chance.one((None, "w"))))
            event["correlation"] = [
                {"contextAttributeName": name, **({"contextAttributeValue": v} if v else {})}
                for name, v in rules
            ]
        return event

    def value(self, options=VALUES):
        text = self.chance.one(options)
        return f"${{ {text} }}" if self.chance.maybe(0.5) else text

    # -------------------------------------------------------------- states

    def state(self, number):
        kind = self.chance.one(
            ("operation", "operation", "inject", "sleep", "switch", "event", "parallel",
             "parallel", "foreach", "foreach", "callback")
        )  # fmt: skip
        made = {"name": self.names[number], "type": kind, **getattr(self, f"_{kind}")()}
        if kind != "switch":
            made.update(self.way(number))
        filters = {}
        for name in ("input", "output"):
            if self.chance.maybe(0.25):
                filters[name] = self.value(OBJECTS if self.chance.maybe(0.9) else VALUES)
        if filters:
            made["stateDataFilter"] = filters
        if kind == "switch":
            self._ways_of(made, number)
        if self.chance.maybe(0.6):
            made["onErrors"] = self.handlers(number)
        return made

    def way(self, number):
        """On to a state, mostly the next one; sometimes back."""
        chance = self.chance
        produce = {}
        if chance.maybe(0.25):
            produce = {"produceEvents": [self.produced() for _ in range(chance.one((1, 1, 2)))]}
        last = number == len(self.names) - 1
        if chance.maybe(0.12 if not last else 0.8):
            terminate = {"terminate": True} if chance.maybe(0.1) else {}
            return {"end": {**terminate, **produce} or True}
        target = self.names[min(number + 1, len(self.names) - 1)]
        if last or chance.maybe(0.2):
            target = chance.one(self.names)
        return {"transition": {"nextState": target, **produce} if produce else target}

    def produced(self):
        made = {"eventRef": "Out"}
        if self.chance.maybe(0.7):
            made["data"] = self.chance.one((self.value(), {"is": "${ .a }", "fixed": [1]}))
        if self.chance.maybe(0.3):
            made["contextAttributes"] = {"key": self.chance.one(("v1", "${ .n }", "${ .b }"))}
        return made

    def handlers(self, number):
        made = []
        for _ in range(self.chance.one((1, 1, 2))):
            names = self.chance.one(
                (["One"], ["Two"], ["*"], ["*"], ["*"], ["data.type"], ["Expr"], ["One", "Two"])
            )
            one = {"errorRef": names[0]} if len(names) == 1 else {"errorRefs": names}
            made.append({**one, **self.way(number)})
        return made

    def _ways_of(self, state, number):
        parts = state.get("dataConditions", []) + state.get("eventConditions", [])
        for part in [*parts, *([state["defaultCondition"]] if "defaultCondition" in state else [])]:
            part.update(self.way(number))

    def _inject(self):
        return {"data": self.chance.object()}

    def _sleep(self):
        return {"duration": self.chance.one(DURATIONS)}

    def _switch(self):
        chance = self.chance
        if chance.maybe(0.5):
            made = {
                "dataConditions": [
                    {"condition": chance.one(CONDITIONS)} for _ in range(chance.one((1, 2, 3)))
                ]
            }
            return {**made, "defaultCondition": {}} if chance.maybe(0.8) else made
        names = chance.random.sample(("A", "B", "C", "D"), chance.one((1, 2, 3)))
        conditions = [{"eventRef": name, **self.event_filter()} for name in names]
        made = {"eventConditions": conditions, "defaultCondition": {}}
        return {**made, **self.event_timeout()}

    def event_timeout(self):
        if not self.chance.maybe(0.5):
            return {}
        return {"timeouts": {"eventTimeout": self.chance.one(DURATIONS)}}

    def event_filter(self):
        chance, made = self.chance, {}
        if chance.maybe(0.1):
            made["useData"] = False
        if chance.maybe(0.3):
            made["data"] = self.value()
        if chance.maybe(0.4):
            made["toStateData"] = chance.one(PLACES)
        return {"eventDataFilter": made} if made else {}

    def _event(self):
        chance = self.chance
        names = chance.random.sample(("A", "B", "C", "D"), chance.one((1, 2, 3)))
        entries = [[name] for name in names]
        if len(names) > 1 and chance.maybe(0.4):
            entries = [names[:2], *([name] for name in names[2:])]
        made = []
        for refs in entries:
            entry = {"eventRefs": refs, **self.event_filter()}
            if chance.maybe(0.8):
                entry["actions"] = self.actions(chance.one((0, 1, 2)))
                entry["actionMode"] = chance.one(("sequential", "parallel"))
            made.append(entry)
        return {"exclusive": chance.maybe(0.5), "onEvents": made, **self.event_timeout()}

    def _operation(self):
        mode = {"actionMode": "parallel"} if self.chance.maybe(0.4) else {}
        return {**mode, "actions": self.actions(self.chance.one((0, 1, 2, 3)))}

    def _parallel(self):
        chance = self.chance
        count = chance.one((1, 2, 2, 3))
        branches = [
            {"name": f"b{n}", "actions": self.actions(chance.one((0, 1, 1, 2)))}
            for n in range(count)
        ]
        made = {"branches": branches}
        if chance.maybe(0.5):
            number = chance.one((*range(1, count + 1), *range(1, count + 1), "${ .n }", "1"))
            made.update(completionType="atLeast", numCompleted=number)
        return made

    def _foreach(self):
        chance = self.chance
        made = {
            "inputCollection": chance.one(COLLECTIONS),
            "actions": self.actions(chance.one((0, 1, 1, 2)), item=True),
        }
        if chance.maybe(0.7):
            made["iterationParam"] = "item"
        if chance.maybe(0.7):
            made["outputCollection"] = chance.one((".out", ".list", ".obj.list", ".a"))
        if chance.maybe(0.3):
            made["mode"] = "sequential"
        elif chance.maybe(0.4):
            made["batchSize"] = chance.one((1, 2, 3))
        return made

    def _callback(self):
        return {
            "action": self.action(), "eventRef": self.chance.one(("A", "B")),
            **self.event_filter(), **self.event_timeout(),
        }  # fmt: skip

    # -------------------------------------------------------------- actions

    def actions(self, count, *, item=False):
        return [self.action(item=item) for _ in range(count)]

    def action(self, *, item=False):
        chance = self.chance
        made = {"functionRef": self.function(item)}
        filters = self.action_filter()
        if filters:
            made["actionDataFilter"] = filters
        if chance.maybe(0.2):
            made["condition"] = chance.one(CONDITIONS)
        if chance.maybe(0.45):
            made["retryRef"] = chance.one(("often", "seldom"))
            if chance.maybe(0.6):
                made["retryableErrors"] = chance.one((["One"], ["One", "Two"], ["*"], ["Expr"]))
            if chance.maybe(0.3):
                made["nonRetryableErrors"] = [chance.one(("One", "Two"))]
        if chance.maybe(0.15):
            made["sleep"] = chance.one(
                ({"before": "PT1S"}, {"after": "PT2S"}, {"before": "PT1S", "after": "PT1S"})
            )
        return made

    def function(self, item):
        chance = self.chance
        name = chance.one(("call", "call", "call", "other", "other", "sum", "pick"))
        if name in ("sum", "pick") or chance.maybe(0.4):
            return name
        arguments = {"x": chance.one((1, "${ .a }", "${ .n }", "${ . }", "text", ["${ .b }"]))}
        if item and chance.maybe(0.5):
            arguments["item"] = "${ .item }"
        if chance.maybe(0.2):
            arguments["deep"] = {"k": "${ $CONST.k }", "e": "${ .n + 1 }"}
        return {"refName": name, "arguments": arguments}

    def action_filter(self):
        chance, made = self.chance, {}
        if chance.maybe(0.2):
            made["fromStateData"] = self.value()
        if chance.maybe(0.1):
            made["useResults"] = False
        if chance.maybe(0.3):
            made["results"] = self.value()
        if chance.maybe(0.45):
            made["toStateData"] = chance.one(PLACES)
        return made


def ways(document):
    """Every part of the document that says where to go, by state."""
    found = []
    for state in document["states"]:
        parts = [state, *state.get("onErrors", [])]
        parts += state.get("dataConditions", []) + state.get("eventConditions", [])
        parts += [state["defaultCondition"]] if "defaultCondition" in state else []
        found.append([part for part in parts if "transition" in part or "end" in part])
    return found


def target_of(part):
    """The name of the state that a part leads to, None for an end."""
    way = part.get("transition")
    return way["nextState"] if isinstance(way, dict) else way


def reachable(document):
    """The document without states that nothing leads to."""
    names = [state["name"] for state in document["states"]]
    seen, left = set(), [document["start"]]
    while left:
        name = left.pop()
        if name not in seen:
            seen.add(name)
            parts = ways(document)[names.index(name)]
            left += [target for part in parts if (target := target_of(part)) is not None]
    document["states"] = [state for state in document["states"] if state["name"] in seen]
    return document


def text_of(document):
    """The document as the dialect reads it."""
    return json.dumps(document).encode()
