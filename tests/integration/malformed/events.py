"""Messages that are no CloudEvents: structured, binary, batch over HTTP; and over NATS."""

import json
import random

from tests.integration.malformed.probe import (
    CLASSES,
    ROOT,
    Probe,
    family,
    malformed,
    noise,
    word,
)

PATH = ROOT + "/events"
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
REQUIRED = ("specversion", "id", "source", "type")


def _event(rng, **members):
    event = {
        "specversion": "1.0",
        "id": word(rng, 16),
        "source": "/test",
        "type": "made",
        **members,
    }
    return {key: value for key, value in event.items() if value is not ...}


def _probe(body, kind):
    body = body.encode("utf-8", "surrogateescape") if isinstance(body, str) else body
    return Probe(path=PATH, headers=[("Content-Type", kind)], body=body)


MEMBERS = {
    **{f"without {name}": (lambda rng, name=name: {name: ...}) for name in REQUIRED},
    **{f"with {name} null": (lambda rng, name=name: {name: None}) for name in REQUIRED},
    **{
        f"with {name} of a wrong type": (
            lambda rng, name=name: {name: rng.choice([1, True, [], {}])}
        )
        for name in REQUIRED
    },
    "with an empty id": lambda rng: {"id": ""},
    "with an empty type": lambda rng: {"type": ""},
    "of another specversion": lambda rng: {
        "specversion": rng.choice(["0.3", "2.0", "1", "1.1", word(rng)])
    },
    "with a bad source": lambda rng: {"source": rng.choice(["", "a b", "http://[", "%zz", "<>"])},
    "with a bad time": lambda rng: {
        "time": rng.choice(
            [
                "yesterday",
                "2026-13-01T00:00:00Z",
                "2026-01-01",
                "",
                "12:00",
                "2026-01-01T00:00:00",
                5,
            ]
        )
    },
    "with a bad dataschema": lambda rng: {"dataschema": rng.choice(["", "a b", 7, "relative"])},
    "with a bad datacontenttype": lambda rng: {
        "datacontenttype": rng.choice(["", "json", "a/b/c", "/", 3])
    },
    "with an extension in upper case": lambda rng: {word(rng).upper(): "x"},
    "with an extension of a bad name": lambda rng: {
        rng.choice(["a-b", "a_b", "ä", "a b", ""]): "x"
    },
    "with an extension that is an object": lambda rng: {word(rng): rng.choice([{}, [], {"a": 1}])},
    "with an extension that is a fraction": lambda rng: {word(rng): rng.random()},
    "with an extension beyond 32 bits": lambda rng: {word(rng): 2**31 + rng.randrange(2**20)},
    "with a control character": lambda rng: {
        "subject": f"a{chr(rng.choice([0, 1, 31, 127, 0x85]))}b"
    },
    "with data twice": lambda rng: {"data": 1, "data_base64": "MQ=="},
    "with bad base64": lambda rng: {
        "data_base64": rng.choice(["*", "a", "MQ", "M Q=", 5, word(rng, 5)])
    },
    "with an id too long": lambda rng: {"id": "x" * rng.randint(2049, 3000)},
    "with too many extensions": lambda rng: {f"e{n}": "x" for n in range(rng.randint(33, 60))},
    "with text where JSON is declared": lambda rng: {
        "datacontenttype": "text/plain",
        "data": {"a": 1},
    },
}


def _structured(rng, name):
    return json.dumps(_event(rng, **MEMBERS[name](rng)))


family(MEMBERS, "structured:", lambda rng, name: _probe(_structured(rng, name), STRUCTURED))

TEXTS = {
    "cut": lambda rng: _cut(rng, json.dumps(_event(rng, data={"a": 1}))),
    "duplicate member": lambda rng: json.dumps(_event(rng))[:-1] + f', "id": "{word(rng)}"}}',
    "NaN data": lambda rng: json.dumps(_event(rng, data=float(rng.choice(["nan", "inf", "-inf"])))),
    "too deep": lambda rng: (
        json.dumps(_event(rng))[:-1] + ', "data": ' + "[" * rng.randint(70, 4000)
    ),
    "not UTF-8": lambda rng: noise(rng, 20),
    "byte order mark": lambda rng: b"\xef\xbb\xbf" + json.dumps(_event(rng)).encode(),
    "lone surrogate": lambda rng: json.dumps(_event(rng, subject="\udc80")),
    "a number too long": lambda rng: (
        json.dumps(_event(rng))[:-1] + ', "data": ' + "9" * rng.randint(1001, 5000) + "}"
    ),
    "an exponent too large": lambda rng: (
        json.dumps(_event(rng))[:-1] + f', "data": 1e{rng.randint(1001, 99999)}}}'
    ),
    "a list": lambda rng: json.dumps([_event(rng)]),
    "a scalar": lambda rng: rng.choice(["1", "null", "true", '"x"', ""]),
    "garbage behind": lambda rng: json.dumps(_event(rng)) + word(rng),
}
family(TEXTS, "structured text:", lambda rng, name: _probe(TEXTS[name](rng), STRUCTURED))

BATCHES = {
    "that is an object": lambda rng: json.dumps(_event(rng)),
    "of scalars": lambda rng: json.dumps([rng.randrange(9), word(rng)]),
    "of malformed events": lambda rng: json.dumps([_event(rng, id=...), _event(rng, source="")]),
    "that is cut": lambda rng: _cut(rng, json.dumps([_event(rng), _event(rng)])),
    "too deep": lambda rng: "[" * rng.randint(80, 9000),
    "of too many": lambda rng: "[" + ",".join(["{}"] * rng.randint(1001, 1100)) + "]",
}
family(BATCHES, "batch:", lambda rng, name: _probe(BATCHES[name](rng), BATCH))


def _cut(rng, text):
    return text[: rng.randint(1, len(text) - 1)]


def _binary_headers(rng, change):
    attributes = {f"ce-{name}": value for name, value in _event(rng).items()}
    attributes.update(change)
    return [(name, value) for name, value in attributes.items() if value is not None]


HEADERS = {
    **{f"without ce-{name}": (lambda rng, name=name: {f"ce-{name}": None}) for name in REQUIRED},
    **{f"with ce-{name} empty": (lambda rng, name=name: {f"ce-{name}": ""}) for name in REQUIRED},
    "of another specversion": lambda rng: {"ce-specversion": rng.choice(["0.3", "2.0", word(rng)])},
    "with a bad time": lambda rng: {"ce-time": rng.choice(["now", "2026-01-01", word(rng)])},
    "with a bad name": lambda rng: {f"ce-{word(rng)}-{word(rng)}": "x"},
    "with a bad escape": lambda rng: {
        "ce-subject": rng.choice(["%zz", "%", "%2", "%ff%fe", "%c0%80"])
    },
    "with an escaped control character": lambda rng: {
        "ce-subject": f"a%{rng.randrange(1, 31):02x}"
    },
    "with a value too long": lambda rng: {"ce-subject": "x" * rng.randint(2049, 4000)},
    "with ce-datacontenttype": lambda rng: {"ce-datacontenttype": "text/plain"},
}


def _binary(rng, name):
    headers = _binary_headers(rng, HEADERS[name](rng))
    return Probe(path=PATH, headers=headers)


family(HEADERS, "binary:", _binary)


@malformed("binary: an attribute twice")
def attribute_twice(rng: random.Random) -> Probe:
    headers = [*_binary_headers(rng, {}), ("CE-Id", word(rng))]
    return Probe(path=PATH, headers=headers)


@malformed("binary: JSON that is none")
def binary_json(rng: random.Random) -> Probe:
    headers = [*_binary_headers(rng, {}), ("Content-Type", "application/json")]
    body = rng.choice([b"{", b"[1,", b"nul", b"{'a':1}", b'{"a":1,"a":2}', noise(rng, 5), b"NaN"])
    return Probe(path=PATH, headers=headers, body=body)


@malformed("binary: text that is not in its charset")
def binary_text(rng: random.Random) -> Probe:
    headers = [*_binary_headers(rng, {}), ("Content-Type", "text/plain; charset=utf-8")]
    return Probe(path=PATH, headers=headers, body=noise(rng, 9))


@malformed("binary: no CloudEvent at all")
def no_event(rng: random.Random) -> Probe:
    return _probe(json.dumps({word(rng): 1}), rng.choice(["application/json", "text/plain"]))


@malformed("event: a format that is not taken")
def other_format(rng: random.Random) -> Probe:
    kind = rng.choice(["xml", "avro", "protobuf", word(rng)])
    return _probe(json.dumps(_event(rng)), f"application/cloudevents+{kind}")


@malformed("event: a charset that is not taken")
def other_charset(rng: random.Random) -> Probe:
    return _probe(json.dumps(_event(rng)).encode("utf-16"), f"{STRUCTURED}; charset=utf-16")


@malformed("event: compressed")
def compressed(rng: random.Random) -> Probe:
    probe = _probe(rng.randbytes(30), STRUCTURED)
    probe.headers.append(("Content-Encoding", rng.choice(["gzip", "deflate", "br", "zstd"])))
    return probe


_FOR_NATS = [
    *(f"structured: {name}" for name in MEMBERS),
    *(f"structured text: {name}" for name in TEXTS),
]


def over_nats(rng: random.Random, namespace: str) -> Probe:
    """A message of a random class that NATS carries."""
    probe = CLASSES[rng.choice(_FOR_NATS)](rng)
    probe.subject = f"cloudevents.in.{namespace}.{word(rng)}"
    return probe
