"""What an impact report's worker is told and what it answers: JSON behind four bytes of length."""

import asyncio
from typing import Final
from uuid import UUID

import msgspec

from engine.core.timetravel.impact_tally import Tally
from schemas.json_text import dumps, read_float

_LENGTH: Final = 4
ID_BYTES: Final = 16
MAX_MESSAGE: Final = 256 * 1024 * 1024


class Begin(msgspec.Struct, tag=True):
    """The first message: where to read, with which keys, and the new version. `statuses`: only
    executions that have one of these (None: any); `max_events`: longer ones are skipped."""

    database_url: str
    master_key_file: str
    namespace: str
    source: bytes
    media_type: str
    resources: dict[str, bytes]
    statuses: list[str] | None
    max_events: int


class Compare(msgspec.Struct, tag=True):
    """Compare these executions."""

    ids: bytes

    @property
    def executions(self) -> list[UUID]:
        """The ids, of which each has 16 bytes."""
        starts = range(0, len(self.ids), ID_BYTES)
        return [UUID(bytes=self.ids[start : start + ID_BYTES]) for start in starts]


class Ready(msgspec.Struct, tag=True):
    """The worker has read the definition."""


class Compared(msgspec.Struct, tag=True):
    """What was found in the executions of one `Compare`."""

    tally: Tally


class Broken(msgspec.Struct, tag=True):
    """The worker cannot go on."""

    message: str


Order = Begin | Compare
Answer = Ready | Compared | Broken

_orders = msgspec.json.Decoder(Order, float_hook=read_float)
_answers = msgspec.json.Decoder(Answer, float_hook=read_float)


def framed(message: Order | Answer) -> bytes:
    """The bytes of a message."""
    body = dumps(message)
    return len(body).to_bytes(_LENGTH, "big") + body


async def read_order(reader: asyncio.StreamReader) -> Order:
    """The next order. Raises asyncio.IncompleteReadError at the end."""
    order: Order = _orders.decode(await _read(reader))
    return order


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """The next answer. Raises asyncio.IncompleteReadError where the worker has ended."""
    answer: Answer = _answers.decode(await _read(reader))
    return answer


async def _read(reader: asyncio.StreamReader) -> bytes:
    length = int.from_bytes(await reader.readexactly(_LENGTH), "big")
    if length > MAX_MESSAGE:
        raise asyncio.IncompleteReadError(b"", length)
    return await reader.readexactly(length)
