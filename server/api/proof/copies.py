"""Whether a fork begins with what its source holds."""

from uuid import UUID

from engine.core.verify import Finding, check_copies
from server.api.door.exchange import Exchange
from server.api.door.pace import Pace
from server.api.past.reading import PAGE


async def differing_copy(exchange: Exchange, execution_id: UUID) -> Finding | None:
    """The first event of a fork that is no copy of its source's; None: there is none, or the
    source is not there any more. Raises Unavailable."""
    services = exchange.services
    birth = await services.catalog.find_birth(exchange.namespace, execution_id)
    if birth is None or birth.forked_from is None:
        return None
    after, upto, pace = 0, birth.forked_at or 0, Pace()
    while after < upto:
        copies = await services.log.read_execution(execution_id, after, PAGE, upto)
        originals = await services.log.read_execution(birth.forked_from, after, PAGE, upto)
        found = check_copies(copies, originals)
        if found is not None or not copies or not originals:
            return found
        after = copies[-1].seq
        await pace.breathe()
    return None
