"""Events as a bundle tells them: whole, or member by member with some of them left out."""

import hashlib
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from engine.core.chain import JSON_CODEC, member_leaf, member_salts, opened_parts
from engine.ports.export import event_record, text_of
from engine.ports.keys import Cipher
from engine.ports.rows import EventRow
from schemas.export import records

Masks = Mapping[str, bytes | None]
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


def told_event(row: EventRow, masks: Masks, cipher: Cipher | None) -> records.EventRecord:
    """The record of an event. `masks`: text in place of members that are left out, None for
    nothing; `cipher`: what seals the row, if it does. A sealed row that nobody opened is told
    sealed."""
    whole = event_record(row)
    if row.codec == JSON_CODEC:
        return _by_member(whole, row.data, row.salt, masks) if masks else whole
    if row.opened is None or cipher is None:
        return whole
    _, sealed = opened_parts(row.data)
    told = _by_member(whole, row.opened, cipher.salt(row.salt), masks)
    return replace(told, sealed=hashlib.sha256(sealed).hexdigest())


def _by_member(
    whole: records.EventRecord, data: bytes, salt: bytes, masks: Masks
) -> records.EventRecord:
    members = [(name, bytes(value)) for name, value in _members.decode(data).items()]
    salts = member_salts(salt, len(members))
    told = tuple(
        _member(name, value, own, masks) for (name, value), own in zip(members, salts, strict=True)
    )
    return replace(whole, salt=UNSET, data=UNSET, members=told)


def _member(
    name: str, value: bytes, salt: bytes, masks: Masks
) -> records.ToldMember | records.MaskedMember:
    if name not in masks:
        return name, salt.hex(), text_of(value)
    leaf, instead = member_leaf(salt, name, value).hex(), masks[name]
    return records.MaskedMember(name, leaf, None if instead is None else text_of(instead))


def data_of(record: records.EventRecord) -> bytes | None:
    """The data of an event as it can be read here, with what stands in the place of members that
    were left out; None: it is sealed."""
    if record.data is not UNSET:
        return record.data.encode() if record.codec == JSON_CODEC else None
    if record.members is UNSET:
        return None
    parts: list[tuple[str, str]] = []
    for member in record.members:
        if isinstance(member, records.MaskedMember):
            if member.masked is not None:
                parts.append((member.name, member.masked))
        elif not isinstance(member, str):
            parts.append((member[0], member[2]))
    texts: Sequence[bytes] = [msgspec.json.encode(name) + b":" + v.encode() for name, v in parts]
    return b"{" + b",".join(texts) + b"}"


def is_whole(record: records.EventRecord) -> bool:
    """Whether nothing of the event's data was left out."""
    if record.members is UNSET:
        return True
    return all(isinstance(member, tuple) for member in record.members)
