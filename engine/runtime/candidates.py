"""The first CloudEvent of the stream, by position, that an open wait takes."""

from engine.model.command import Arrived
from engine.model.state import ExecutionState, Wait
from engine.ports.rows import StreamEvent
from engine.ports.storage import Streams
from engine.runtime.acceptance import takes
from engine.runtime.arrivals import readable
from engine.runtime.batch import subscription_key


async def first_taken(
    streams: Streams,
    namespace: str,
    state: ExecutionState,
    wait: Wait,
    *,
    after: int,
    head: int,
    page: int,
) -> Arrived | None:
    """Look from `after` (or a filter's own start, if that is higher) to `head`. The lowest position
    that any filter of the wait takes wins, whatever its type. Raises Unavailable."""
    position = max(after, min((one.after for one in wait.filters), default=head))
    while position < head:
        events, bound = await _page(streams, namespace, state, wait, position, head, page)
        for arrived in readable(events):
            if takes(state, wait, arrived):
                return arrived
        position = bound
    return None


async def _page(
    streams: Streams,
    namespace: str,
    state: ExecutionState,
    wait: Wait,
    after: int,
    head: int,
    page: int,
) -> tuple[list[StreamEvent], int]:
    """Candidates in order, and the position up to which they are all that there are."""
    wanted = {
        (one.type, subscription_key(state, one))
        for one in wait.filters
        if one.ref not in wait.received
    }
    found: dict[int, StreamEvent] = {}
    bound = head
    for event_type, key in wanted:
        rows = await streams.read(namespace, (event_type,), after, head, key, page)
        if len(rows) >= page:
            bound = min(bound, rows[-1].position)
        found.update((row.position, row) for row in rows)
    return [found[position] for position in sorted(found) if position <= bound], bound
