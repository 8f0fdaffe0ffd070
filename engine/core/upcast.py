"""upcast(body) -> body: what former versions of an event say, in the words of the newest.

A log is never rewritten; so `evolve` and the views know the newest version alone, and every former
one has an upcaster here. It reads the body alone, like evolve.
"""

from collections.abc import Callable
from typing import Any, Final

from schemas.events import bodies, former
from schemas.events.bodies import EventBody
from schemas.events.parts import Asked


def _cancelled(body: former.ExecutionCancelledV1) -> EventBody:
    """Version 1 had the reason alone; where the command came from was not recorded."""
    return bodies.ExecutionCancelled(asked=Asked(reason=body.reason))


_UPCASTERS: Final[dict[type[EventBody], Callable[[Any], EventBody]]] = {
    former.ExecutionCancelledV1: _cancelled,
}


def upcast(body: EventBody) -> EventBody:
    """The body in the newest version of its type."""
    upcaster = _UPCASTERS.get(type(body))
    while upcaster is not None:
        body = upcaster(body)
        upcaster = _UPCASTERS.get(type(body))
    return body
