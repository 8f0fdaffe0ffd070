"""Answers of a fork's source, in place of calls: read from its log, once for many forks."""

import asyncio
from collections import OrderedDict

from engine.core.decide.answering import answerer_of
from engine.core.paths import path_of
from engine.core.timetravel.recording import RecordedAnswer, Recording, RecordingReader
from engine.model.command import CompleteAction, DeliverCallback, FailAction, FailExecution
from engine.model.errors import Erased, Sealed
from engine.model.ids import parse_execution
from engine.model.state import Action, ExecutionState, Fork, Wait
from engine.ports.codec import event_of
from engine.runtime.context import EngineContext
from schemas.events.parts import Error

NOT_RECORDED = "fork.not_recorded"
_KEPT = 64
_KEPT_EVENTS = 200_000
_PAGE = 500


class RecordedAnswers:
    """At most `_KEPT` recordings of at most `_KEPT_EVENTS` events together are kept in memory."""

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self._kept: OrderedDict[tuple[str, int], tuple[Recording, RecordingReader]] = OrderedDict()
        self._reading: dict[tuple[str, int], asyncio.Lock] = {}

    async def answer(
        self, state: ExecutionState, action: Action
    ) -> CompleteAction | FailAction | FailExecution | None:
        """What the source's log answers to this attempt; None: it is to be called. Raises
        Unavailable."""
        fork = state.fork
        if fork is None or answerer_of(state, action) != "recorded":
            return None
        path, occurrence = action.call.path, action.call.occurrence
        try:
            recording = await self._recording(fork)
        except (Erased, Sealed) as fault:
            return FailExecution(action.id, Error(code=NOT_RECORDED, message=fault.message))
        if action.first <= fork.at:
            path = path_of(state.frames, action.frame, action.name)
            found = recording.pending_answer(action.first, action.attempt)
        else:
            found = recording.answer(path, occurrence, action.attempt)
        if found is not None and found.given:
            return _given(action.id, found)
        if fork.policy.missing == "live":
            return None
        which = f"call {occurrence} of {path!r}" if occurrence else f"the open call of {path!r}"
        message = (
            f"the source recorded no answer to {which} (attempt {action.attempt}); mock it, or let"
            " what is missing be called"
        )
        return FailExecution(action.id, Error(code=NOT_RECORDED, message=message))

    async def callback(self, state: ExecutionState, wait: Wait) -> DeliverCallback | None:
        """The answer that the source got to this callback. Raises Unavailable."""
        fork = state.fork
        if fork is None or not wait.callback or fork.policy.default != "recorded":
            return None
        recording = await self._recording(fork)
        path = path_of(state.frames, wait.frame, wait.name)
        handle = ("call", wait.id) if wait.id <= fork.at else ("call", path, fork.counts[path])
        known = recording.taken.get(handle)
        answers = [] if known is None else [one for one in known.taken if one.event is None]
        return DeliverCallback(wait.frame, answers[0].payload) if answers else None

    async def _recording(self, fork: Fork) -> Recording:
        """What the source did behind the fork, as far as its log goes now."""
        key = (fork.source, fork.at)
        lock = self._reading.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                return await self._read(key)
        finally:
            if not lock.locked():
                self._reading.pop(key, None)

    async def _read(self, key: tuple[str, int]) -> Recording:
        """What is kept of the source, with what its log has got since."""
        source, at = parse_execution(key[0]), key[1]
        kept = self._kept.pop(key, None)
        recording = Recording(at) if kept is None else kept[0]
        reader = RecordingReader(recording) if kept is None else kept[1]
        after = 0 if kept is None else recording.last
        while not recording.closed:
            rows = await self._context.ports.log.read_execution(source, after, _PAGE)
            reader.read(event_of(row) for row in rows)
            if len(rows) < _PAGE:
                break
            after = rows[-1].seq
            await asyncio.sleep(0)
        self._kept[key] = recording, reader
        while len(self._kept) > 1 and self._is_full():
            self._kept.popitem(last=False)
        return recording

    def _is_full(self) -> bool:
        events = sum(recording.last for recording, _ in self._kept.values())
        return len(self._kept) > _KEPT or events > _KEPT_EVENTS


def _given(action: int, found: RecordedAnswer) -> CompleteAction | FailAction:
    if found.error is not None:
        return FailAction(action, found.error, found.printed, found.duration_ms)
    return CompleteAction(action, found.result, found.printed, found.duration_ms)
