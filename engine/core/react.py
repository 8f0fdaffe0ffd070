"""react(before, after) -> effects: what the world must do, as the difference of two states.

After a restart there is no before: everything that is pending is asked for again.
"""

from typing import Any

from engine.model.effect import Effects
from engine.model.state import ExecutionState, Wait


def react(before: ExecutionState | None, after: ExecutionState) -> Effects:
    """Effects of going from `before` to `after` (None: from nothing, on recovery)."""
    old = before if before is not None else ExecutionState(id=after.id)
    return Effects(
        calls=_added(old.actions, after.actions),
        recalls=_removed(old.actions, after.actions),
        timers_set=_added(old.timers, after.timers),
        timers_cleared=_removed(old.timers, after.timers),
        waits_opened=_opened(old, after),
        waits_closed=_removed(old.waits, after.waits),
        closed=after.closed and not old.closed,
    )


def _added(old: dict[int, Any], new: dict[int, Any]) -> tuple[Any, ...]:
    if new is old or not new:
        return ()
    return tuple(entry for key, entry in new.items() if key not in old)


def _removed(old: dict[int, Any], new: dict[int, Any]) -> tuple[int, ...]:
    if new is old or not old:
        return ()
    return tuple(key for key in old if key not in new)


def _opened(old: ExecutionState, new: ExecutionState) -> tuple[Wait, ...]:
    """Waits that are new, and those whose missing correlation value was fixed meanwhile."""
    if new.correlation == old.correlation:
        return _added(old.waits, new.waits)
    return tuple(
        wait
        for key, wait in new.waits.items()
        if key not in old.waits
        or any(None in pair for one in wait.filters for pair in one.correlation)
    )
