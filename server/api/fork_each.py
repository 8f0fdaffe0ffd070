"""One execution of a bulk fork."""

from uuid import UUID

from engine.model.ids import format_execution
from engine.ports.codec import body_of
from engine.ports.storage import Log
from schemas.api.forks import ForkAnswer
from schemas.events.bodies import ForkTaken
from server.api.batches import BulkOrder
from server.api.forking import Asker, Order, fork
from server.api.problem import ProblemRaised
from server.api.reading import NOTES, backwards


async def fork_one(asker: Asker, order: BulkOrder, source: UUID, batch: str) -> ForkAnswer:
    """Fork it, once for each batch; or foresee that (`batch` is empty then). Problems: those of a
    single fork, execution.redriven."""
    if order.redrive and not order.again:
        await _check_not_redriven(asker.services.log, source, batch)
    key = f"{batch}:{format_execution(source)}" if batch else None
    return await fork(asker, source, Order(order.fork, order.redrive, key, batch))


async def _check_not_redriven(log: Log, source: UUID, batch: str) -> None:
    last = await log.last_event(source)
    if last is None:
        return
    async for row in backwards(log, source, last.seq):
        if row.type not in NOTES:
            return
        body = body_of(row)
        if isinstance(body, ForkTaken) and body.redrive and (not batch or body.batch != batch):
            raise ProblemRaised(
                "execution.redriven", f"{format_execution(source)} was redriven as {body.fork}"
            )
