"""A page of a namespace's stream that passes filters.

Type and subject have indexes; times are found by halving, as they rise with the positions; a source
is compared row by row, a bounded number of them for each page.
"""

from collections.abc import Sequence

from engine.model.ids import attribute_key
from engine.ports.rows import StreamEvent
from engine.runtime.arrivals import attributes_of
from server.api.door.cursor import read_number_cursor
from server.api.door.exchange import Exchange

TYPES = 500
SCANNED = 20_000
"""Rows that one page looks at, at most; `next` goes on behind them."""

_BATCH = 1_000


async def page_of_stream(exchange: Exchange) -> tuple[list[StreamEvent], int | None]:
    """At most `limit` CloudEvents in order of position, and the position behind which there may be
    more (None: there are none)."""
    query, limit = exchange.query, exchange.query["limit"]
    after = read_number_cursor(query["cursor"])
    head = await exchange.services.streams.head(exchange.namespace)
    if query["since"] is not None:
        after = max(after, await _last_before(exchange, query["since"], head))
    if query["until"] is not None:
        head = await _last_before(exchange, query["until"], head)
    types, key = await _indexed(exchange)
    found: list[StreamEvent] = []
    scanned = 0
    while after < head and scanned < SCANNED:
        rows = await exchange.services.streams.read(
            exchange.namespace, types, after, head, key, _BATCH
        )
        for row in rows:
            if len(found) == limit:
                return found, after
            after = row.position
            if _passes(exchange, row):
                found.append(row)
        scanned += len(rows)
        if len(rows) < _BATCH:
            return found, None
    return found, after if after < head else None


async def _indexed(exchange: Exchange) -> tuple[Sequence[str], bytes | None]:
    """Types and key by which an index finds what is asked for (empty, None: all is read). A subject
    is found type by type, unless there are very many of them."""
    event_type, subject = exchange.query["type"], exchange.query["subject"]
    types: tuple[str, ...] = () if event_type is None else (event_type,)
    if subject is None:
        return types, None
    if not types:
        seen = await exchange.services.evidence.types_seen(exchange.namespace, TYPES)
        types = tuple(one.type for one in seen) if len(seen) < TYPES else ()
    return types, attribute_key("subject", subject) if types else None


def _passes(exchange: Exchange, row: StreamEvent) -> bool:
    source, subject = exchange.query["source"], exchange.query["subject"]
    if source is not None and row.source != source:
        return False
    return subject is None or attributes_of(row).get("subject") == subject


async def _last_before(exchange: Exchange, moment: int, head: int) -> int:
    """The last position whose CloudEvent was stored before this time; 0: none was."""
    low, high = 0, head
    while low < high:
        middle = (low + high + 1) // 2
        rows = await exchange.services.streams.read(
            exchange.namespace, (), middle - 1, head, limit=1
        )
        if rows and rows[0].at >= moment:
            high = middle - 1
        else:
            low = middle
    return low
