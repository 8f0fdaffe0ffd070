"""One execution of a bulk fork."""

import logging
from uuid import UUID

from engine.model.errors import RefoldError
from engine.model.ids import format_execution
from schemas.api.forks import ForkAnswer
from server.api.door.catalogue import PROBLEMS
from server.api.door.problem import ProblemRaised, problem_of
from server.api.forks.batches import BulkOrder
from server.api.forks.forking import Asker, Order, fork

FAULT = "internal"
"""Code of what is Refold's own fault."""

_log = logging.getLogger("refold.api")


async def fork_one(asker: Asker, order: BulkOrder, source: UUID, batch: str) -> ForkAnswer:
    """Fork it, once for each batch; or foresee that (`batch` is empty then). Problems: those of a
    single fork."""
    key = f"{batch}:{format_execution(source)}" if batch else None
    return await fork(asker, source, Order(order.fork, order.redrive, key, batch, order.again))


def problem_with(source: UUID, error: Exception) -> ProblemRaised:
    """Why this one is not forked; a fault is logged, and stops none of the others. Raises the error
    where it concerns them all: a service is away."""
    problem = told(error)
    if problem.code == FAULT:
        _log.error("fault while forking %s", format_execution(source), exc_info=error)
    elif PROBLEMS[problem.code].retryable:
        raise error
    return problem


def told(error: Exception) -> ProblemRaised:
    """The problem that an error is."""
    if isinstance(error, ProblemRaised):
        return error
    if isinstance(error, RefoldError) and error.code in PROBLEMS:
        return problem_of(error)
    if isinstance(error, OSError):
        return ProblemRaised("unavailable", "a service is away; try again")
    return ProblemRaised(FAULT, "the server logged what happened")
