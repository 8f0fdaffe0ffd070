"""Whether an execution was redriven before: each redrive calls its actions, so the second is asked
for in so many words."""

from collections.abc import Sequence
from uuid import UUID

from engine.model.ids import format_execution
from engine.ports.codec import body_of
from engine.ports.rows import EventRow
from engine.ports.storage import Log
from schemas.events.bodies import ForkTaken
from server.api.door.exchange import Services
from server.api.door.problem import ProblemRaised
from server.api.past.reading import NOTES, backwards


def once_key(source: UUID) -> str:
    """The start key of a redrive that was given none: two at the same moment cannot both have
    it."""
    return f"redriven:{format_execution(source)}"


def redriven(source: UUID, made: str) -> ProblemRaised:
    """The problem of a second redrive; `made`: the execution that the first one began."""
    return ProblemRaised("execution.redriven", f"{format_execution(source)} was redriven as {made}")


async def check_not_redriven(services: Services, last: EventRow, keys: Sequence[str]) -> None:
    """Problem execution.redriven, unless one of `keys` names what was made under it then. `last`:
    the last event of the execution."""
    source = last.execution_id
    made = await _redrive_of(services.log, last)
    if not made:
        return
    namespace, catalog = last.namespace, services.catalog
    birth = await catalog.find_birth(namespace, source)
    assert birth is not None, "it has a log"
    for key in keys:
        if await catalog.find_by_key(namespace, birth.workflow, key) is not None:
            return
    raise redriven(source, made)


async def _redrive_of(log: Log, last: EventRow) -> str:
    """The last redrive that the notes behind its end tell of; empty: none."""
    async for row in backwards(log, last.execution_id, last.seq):
        if row.type not in NOTES:
            break
        body = body_of(row)
        if isinstance(body, ForkTaken) and body.redrive:
            return body.fork
    return ""
