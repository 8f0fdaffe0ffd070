"""Keeping an engine's breakpoints up to date, and telling what they held.

They are read when a hint says so and once in a while. What was held is reported after its commit.
Of one that holds once, an engine gives the hold to the first execution that wants it; where two
engines did so at the same instant, the report of the second finds that out and it is let go.
"""

import logging
from collections import deque
from collections.abc import Iterable, Sequence
from uuid import UUID

import msgspec

from engine.model.breakpoint import BreakpointRemark
from engine.model.errors import Unavailable
from engine.model.ids import format_execution, parse_id, shard_of
from engine.model.state import Suspension
from engine.ports.requests import ResumeRequest, encode
from engine.runtime.context import EngineContext
from engine.runtime.round import Round
from engine.runtime.turn import Turn
from schemas.events.parts import Asked

logger = logging.getLogger(__name__)

_MOST_REPORTS = 10_000
_MOST_CHARACTERS = 1_000
_REASONS = {
    "late": "another execution is held by its breakpoint, which holds once",
    "released": "its breakpoint was removed with all that it held",
}


class _Hold(msgspec.Struct, frozen=True):
    """An execution that a breakpoint holds, as committed."""

    breakpoint: str
    execution_id: UUID
    namespace: str
    at: int


class BreakpointWatch:
    """Keeps `armed` up to date and reports what was held and what conditions could not say."""

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self._holds: deque[_Hold] = deque(maxlen=_MOST_REPORTS)
        self._remarks: dict[str, tuple[int, str]] = {}
        self.round = Round(
            "breakpoints", self._work,
            interval=context.settings.breakpoint_interval_ms / 1000,
            backoff=context.backoff(), tally=context.tally,
        )  # fmt: skip

    async def refresh(self) -> None:
        """Read what is armed. Raises Unavailable."""
        self._context.armed.replace(await self._context.ports.breakpoints.active())

    def committed(self, turns: Sequence[Turn]) -> None:
        """These turns are in the log."""
        for turn in turns:
            held = turn.after.suspended
            if held is not None and held.breakpoint is not None and _is_new(held, turn):
                hot = turn.hot
                self._holds.append(_Hold(held.breakpoint, hot.id, hot.namespace, held.at))
                self.round.wake()
            if turn.remarks:
                self._remark(turn.after.at, turn.remarks)

    def _remark(self, at: int, remarks: Iterable[BreakpointRemark]) -> None:
        """The last of each is enough."""
        for one in remarks:
            self._remarks[one.breakpoint] = (at, _storable(one.message))

    async def _work(self) -> float | None:
        while self._holds:
            hold = self._holds.popleft()
            try:
                await self._report(hold)
            except Unavailable:
                self._holds.appendleft(hold)
                raise
        remarks, self._remarks = self._remarks, {}
        for breakpoint_id, (at, message) in remarks.items():
            row_id = parse_id("bp", breakpoint_id)
            await self._context.ports.breakpoints.remark(row_id, at, message)
        await self.refresh()
        return None

    async def _report(self, hold: _Hold) -> None:
        ports = self._context.ports
        outcome = await ports.breakpoints.reached(
            parse_id("bp", hold.breakpoint), hold.execution_id, hold.at
        )
        if outcome == "held":
            return
        logger.info("%s is let go: %s", format_execution(hold.execution_id), _REASONS[outcome])
        request = ResumeRequest(breakpoint=hold.breakpoint, asked=Asked(reason=_REASONS[outcome]))
        await ports.inbox.put(
            "resume", hold.execution_id, hold.namespace, encode(request), "engine", None
        )
        await ports.hints.notify(f"inbox.{shard_of(hold.execution_id)}")


def _is_new(held: Suspension, turn: Turn) -> bool:
    """Whether it began in this turn; what a fork brought along began elsewhere."""
    before, fork = turn.before.suspended, turn.after.fork
    copied = fork is not None and held.id < fork.seq
    return not copied and (before is None or before.id != held.id)


def _storable(message: str) -> str:
    """A message as Postgres's text can hold it: cut, without NUL and halves of characters."""
    text = message[:_MOST_CHARACTERS].replace("\0", "\ufffd")
    return text.encode("utf-8", "replace").decode()
