"""The digest of an event's data, member by member: some may be left out, or all sealed."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from records import Record, fits
from spelling import framed, sha, spelled

_literal = json.JSONDecoder(parse_int=str, parse_float=str)


def split_members(text: str) -> list[tuple[str, str]]:
    """Names and texts of the members of a JSON object without blanks between them."""
    if text == "{}":
        return []
    found, at = [], 0
    try:
        while text[at] in "{,":
            name, colon = _literal.raw_decode(text, at + 1)
            end = _literal.raw_decode(text, colon + 1)[1]
            if (
                text[colon] != ":"
                or spelled(name) != text[at + 1 : colon]
                or (at == 0) is not (text[at] == "{")
            ):
                raise ValueError("the data is not spelled as it is written")
            found.append((name, text[colon + 1 : end]))
            at = end
        if text[at:] == "}" and found:
            return found
    except (IndexError, RecursionError):
        pass
    raise ValueError("the data is no object")


def merkle_root(text: str, salt: str) -> bytes:
    members = split_members(text)
    stream = hashlib.shake_128(bytes.fromhex(salt)).digest(16 * len(members))
    salts = (stream[at : at + 16] for at in range(0, len(stream), 16))
    return sha(b"\x01", *(leaf(next(salts), name, value) for name, value in members))


def leaf(salt: bytes, name: str, value: str) -> bytes:
    return sha(b"\x00", salt, framed(name), value.encode())


def event_digest(event: Record) -> bytes:
    """The digest of an event's data. Raises ValueError."""
    if event["codec"] not in (1, 2):
        raise ValueError("its codec is not known to this format")
    sealed = event["codec"] == 2
    if "members" in event:
        root = sha(b"\x01", *map(told_leaf, event["members"]))
        return sha(b"\x02", root, bytes.fromhex(event.get("sealed", ""))) if sealed else root
    if not isinstance(event["data"], str) or not fits("x", event["salt"]):
        raise ValueError("its data is none of the format")
    if not sealed:
        return merkle_root(event["data"], event["salt"])
    data = base64.b64decode(event["data"], validate=True)
    if base64.b64encode(data).decode() != event["data"]:
        raise ValueError("its data is not spelled as it is written")
    return sha(b"\x02", data[:32], sha(data[32:]))


def digest_of(event: Record) -> bytes:
    """The digest of an event's data; nothing where it has none."""
    try:
        return event_digest(event)
    except (ValueError, TypeError):
        return b""


def told_leaf(member: Any) -> bytes:
    if isinstance(member, str):
        return bytes.fromhex(member)
    if isinstance(member, dict):
        if list(member) != ["name", "leaf", "masked"] or not fits("h", member["leaf"]):
            raise ValueError("a member that was left out is none of the format")
        return bytes.fromhex(member["leaf"])
    name, salt, value = member
    if not (fits("t", name) and fits("x", salt) and fits("t", value)):
        raise ValueError("a member is none of the format")
    return leaf(bytes.fromhex(salt), name, value)


def told_members(event: Record) -> Record | None:
    """What an event's data tells in the open; nothing where it is sealed."""
    if "members" in event:
        return {m[0]: json.loads(m[2]) for m in event["members"] if isinstance(m, list)}
    if event["codec"] == 1:
        return {n: json.loads(value) for n, value in split_members(event["data"])}
    return None
