"""Definitions that must be refused."""

import json
import random

from tests.integration.malformed.probe import ROOT, Probe, family, malformed, noise, word

PATH = ROOT + "/definitions"
ENVELOPE = "application/vnd.refold.definition+json"


def _document(rng, **members):
    state = {"name": "A", "type": "inject", "data": {"n": rng.randrange(1000)}, "end": True}
    return {
        "id": word(rng), "version": "1", "specVersion": "0.8", "name": "A", "start": "A",
        "states": [state], **members,
    }  # fmt: skip


def _probe(body, kind="application/yaml"):
    body = body.encode("utf-8", "surrogateescape") if isinstance(body, str) else body
    return Probe(path=PATH, headers=[("Content-Type", kind)], body=body)


def _as_json(document):
    return _probe(json.dumps(document), "application/json")


def _state(rng, **members):
    return _as_json(_document(rng, states=[{"name": "A", "type": "inject", "data": {}, **members}]))


TEXTS = {
    "unbalanced brackets": lambda rng: f"id: {word(rng)}\nstates: " + "[" * rng.randint(1, 40),
    "tab indentation": lambda rng: f"id: {word(rng)}\nstates:\n\t- name: A\n",
    "alias bomb": lambda rng: (
        "a: &a [x,x]\n"
        + "".join(
            f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n"
            for n in range(rng.randint(2, 9))
        )
    ),
    "alias to itself": lambda rng: f"id: &{word(rng, 1)}x [*{word(rng, 1)}x]\nstates: &s [*s]\n",
    "nested too deep": lambda rng: "id: " + "[" * rng.randint(120, 5000) + "]" * 120,
    "duplicate key": lambda rng: f"id: a\nid: {word(rng)}\nversion: '1'\n",
    "not UTF-8": lambda rng: noise(rng, rng.randint(1, 40)),
    "NUL": lambda rng: f"id: {word(rng)}\0\nstates: []\n",
    "several documents": lambda rng: f"id: {word(rng)}\n---\nid: {word(rng)}\n",
    "a list": lambda rng: f"- {word(rng)}\n- {word(rng)}\n",
    "a scalar": word,
    "nothing": lambda rng: " \n" * rng.randint(0, 9),
    "python tag": lambda rng: f"id: !!python/object/apply:os.system ['echo {word(rng)}']\n",
    "merge key": lambda rng: f"base: &b {{id: {word(rng)}}}\n<<: *b\n",
    "unfinished quote": lambda rng: f'id: "{word(rng)}\nversion: 1\n',
    "bad escape": lambda rng: f'id: "\\q{word(rng)}"\n',
    "unknown directive": lambda rng: f"%{word(rng).upper()} x\n--- \nid: [\n",
}
family(TEXTS, "yaml:", lambda rng, name: _probe(TEXTS[name](rng)))

JSON_TEXTS = {
    "cut": lambda rng: _cut(rng, json.dumps(_document(rng))),
    "duplicate member": lambda rng: f'{{"id": "a", "id": "{word(rng)}"}}',
    "NaN": lambda rng: (
        f'{{"id": "{word(rng)}", "version": {rng.choice(["NaN", "Infinity", "-Infinity"])}}}'
    ),
    "trailing text": lambda rng: json.dumps(_document(rng)) + word(rng),
    "deep": lambda rng: '{"id":' * rng.randint(200, 3000),
    "lone surrogate": lambda rng: json.dumps(_document(rng)).replace(
        "inject", f"\\ud8{rng.randrange(256):02x}"
    ),
    "comment": lambda rng: json.dumps(_document(rng)).replace(",", f", /* {word(rng)} */", 1),
}
family(JSON_TEXTS, "json:", lambda rng, name: _probe(JSON_TEXTS[name](rng), "application/json"))


def _cut(rng, text):
    return text[: rng.randint(1, len(text) - 1)]


SHAPES = {
    "no id": lambda rng: {"id": None},
    "no states": lambda rng: {"states": None},
    "empty states": lambda rng: {"states": []},
    "states are no list": lambda rng: {"states": rng.choice([word(rng), 1, {"A": {}}, True])},
    "id of a wrong type": lambda rng: {"id": rng.choice([[], {}, [1], {"a": 1}])},
    "another specVersion": lambda rng: {
        "specVersion": rng.choice(["0.7", "1.0.0", "9", word(rng)])
    },
    "start nowhere": lambda rng: {"start": word(rng)},
    "bad function": lambda rng: {"functions": [{"name": "f", "type": word(rng), "operation": "x"}]},
    "two functions of a name": lambda rng: {
        "functions": [{"name": "f", "type": "expression", "operation": str(rng.randrange(9))}] * 2
    },
    "event without type": lambda rng: {"events": [{"name": word(rng), "source": "x"}]},
    "bad timeouts": lambda rng: {"timeouts": {"stateExecTimeout": word(rng)}},
}


def _shape(rng, name):
    document = _document(rng, **SHAPES[name](rng))
    return _as_json({key: value for key, value in document.items() if value is not None})


family(SHAPES, "definition:", _shape)

STATES = {
    "of an unknown type": lambda rng: {"type": word(rng), "end": True},
    "without type": lambda rng: {"type": None, "end": True},
    "without end": lambda rng: {"metadata": {"a": word(rng)}},
    "with a transition to nowhere": lambda rng: {"transition": word(rng)},
    "with an unknown member": lambda rng: {word(rng) + "x": 1, "end": True},
    "sleeping a bad time": lambda rng: {
        "type": "sleep",
        "duration": rng.choice(["", "P", "PT", "1h", "PT-1S", "P1Y2", "PTS", word(rng)]),
        "data": None,
        "end": True,
    },
    "with a broken expression": lambda rng: {
        "stateDataFilter": {
            "output": "${ "
            + rng.choice(
                [".[", ".a |", "if . then", "(1", "1 +", '"', ".a..", "{a:", "[", "reduce"]
            )
            + " }"
        },
        "end": True,
    },
    "with an unclosed expression": lambda rng: {
        "stateDataFilter": {"output": "${ ." + word(rng)},
        "end": True,
    },
    "calling an unknown function": lambda rng: {
        "type": "operation",
        "data": None,
        "actions": [{"functionRef": word(rng)}],
        "end": True,
    },
    "awaiting an unknown event": lambda rng: {
        "type": "event",
        "data": None,
        "onEvents": [{"eventRefs": [word(rng)]}],
        "end": True,
    },
    "retrying by an unknown policy": lambda rng: {
        "type": "operation",
        "data": None,
        "actions": [{"functionRef": "f", "retryRef": word(rng)}],
        "end": True,
    },
    "handling an unknown error": lambda rng: {
        "onErrors": [{"errorRef": word(rng), "end": True}],
        "end": True,
    },
    "switching without conditions": lambda rng: {
        "type": "switch",
        "data": None,
        "name": word(rng),
        "end": True,
    },
    "of a bad name": lambda rng: {"name": rng.choice([1, "", None, []]), "end": True},
    "forking nowhere": lambda rng: {
        "type": "parallel",
        "data": None,
        "branches": word(rng),
        "end": True,
    },
    "with a subflow": lambda rng: {
        "type": "operation",
        "data": None,
        "actions": [{"subFlowRef": word(rng)}],
        "end": True,
    },
}


def _broken_state(rng, name):
    members = {"name": "A", "type": "inject", "data": {}, **STATES[name](rng)}
    state = {key: value for key, value in members.items() if value is not None}
    return _as_json(_document(rng, states=[state]))


family(STATES, "state:", _broken_state)


@malformed("definition: two states of a name")
def two_states(rng: random.Random) -> Probe:
    state = {"name": word(rng), "type": "inject", "data": {}, "end": True}
    return _as_json(_document(rng, start=state["name"], states=[state, state]))


@malformed("definition: larger than the limit")
def oversize(rng: random.Random) -> Probe:
    return _as_json(
        _document(rng, description=word(rng, 4) * 400_000) if rng.random() < 0.02 else []
    )


ENVELOPES = {
    "without definition": lambda rng: {"resources": {word(rng): "x"}},
    "with an unknown member": lambda rng: {"definition": "x", word(rng): 1},
    "with resources of a wrong type": lambda rng: {
        "definition": "x",
        "resources": {"a": rng.randrange(9)},
    },
    "that is a list": lambda rng: [word(rng)],
    "around nonsense": lambda rng: {"definition": word(rng)},
}
family(ENVELOPES, "envelope:", lambda rng, name: _probe(json.dumps(ENVELOPES[name](rng)), ENVELOPE))


@malformed("definition: another media type")
def media_type(rng: random.Random) -> Probe:
    kind = rng.choice(["text/plain", "application/xml", "", "*/*", "json", word(rng), "a/b/c"])
    return _probe(json.dumps(_document(rng)), kind)
