"""The form of a golden file: a line for each event as the log stores it, with a hash of the state
after it; the last line is the state at the end.

The state is written without members that have their default value, so that a new field of the
state, which old events leave alone, changes nothing here.
"""

import hashlib
import json
from pathlib import Path

import msgspec

from engine.core.replay import fold
from engine.core.upcast import upcast
from engine.model.event import Event
from schemas.events import decode_body, encode_body, type_of, version_of
from schemas.json_text import dumps
from tests.property.core_run import EXECUTION

FOLDER = Path(__file__).parent / "golden" / "v1"
SUMS = FOLDER / "SHA256SUMS"
ENVELOPE = (
    "seq", "at", "frame", "node", "name", "branch", "iteration", "attempt", "actor", "causation",
    "traceparent",
)  # fmt: skip


class Line(msgspec.Struct):
    """One event with its envelope; `data` is the body to the byte."""

    type: str
    version: int
    envelope: dict
    data: msgspec.Raw
    state: str


def plain(value):
    """A value of the state as JSON data, default members left out, numbers as text."""
    if isinstance(value, msgspec.Struct):
        kinds = {one.name: one for one in msgspec.structs.fields(value)}
        named = {name: getattr(value, name) for name in kinds}
        return {
            name: plain(member) for name, member in named.items()
            if not _is_default(kinds[name], member)
        }  # fmt: skip
    if isinstance(value, dict):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(member) for member in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return {"number": dumps(value).decode()}
    return value if value is None or isinstance(value, (bool, str)) else str(value)


def _is_default(field, member):
    if field.default_factory is not msgspec.NODEFAULT:
        return member == field.default_factory()
    return type(member) is type(field.default) and member == field.default


def state_hash(state):
    return hashlib.sha256(json.dumps(plain(state)).encode()).hexdigest()


def write(events):
    """The lines of a history."""
    lines, state = [], None
    for event in events:
        state = fold(EXECUTION, [event], state)
        envelope = {name: getattr(event, name) for name in ENVELOPE}
        data = msgspec.Raw(encode_body(event.body))
        line = Line(type_of(event.body), version_of(event.body), envelope, data, state_hash(state))
        lines.append(msgspec.json.encode(line))
    lines.append(json.dumps({"end": plain(state)}).encode())
    return b"\n".join(lines) + b"\n"


def read(path):
    """[(event, hash of the state after it, stored body, its bytes)], and the state at the end."""
    *lines, last = path.read_bytes().splitlines()
    events = []
    for text in lines:
        line = msgspec.json.decode(text, type=Line)
        body = decode_body(line.type, line.version, bytes(line.data))
        event = Event(body=upcast(body), **line.envelope)
        events.append((event, line.state, body, bytes(line.data)))
    return events, json.loads(last)["end"]
