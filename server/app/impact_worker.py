"""`python -m server.app.impact_worker`: one worker of an impact report.

It is told on its standard input what to compare, reads the executions itself, and answers with what
it counted. It ends when its input does. It runs at a low priority: engines and API go first.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Mapping
from uuid import UUID

from engine.adapters.jq.pool import JqPool
from engine.adapters.postgres.histories import History, PostgresHistories
from engine.adapters.postgres.storage import PostgresStorage, open_storage
from engine.core.replay import fold
from engine.core.timetravel.impact_tally import Tally
from engine.core.timetravel.rehearsal import NotComparable, cloudevents_of, rehearsed
from engine.core.timetravel.simulation import Simulation
from engine.core.timetravel.supply import Outcome
from engine.dialects.cncf_v08 import BadDefinition, program_of
from engine.model.command import Arrived
from engine.model.effect import NeedsValues
from engine.model.errors import NotFound, RefoldError
from engine.model.event import Event
from engine.model.ids import format_execution
from engine.model.program import Program
from engine.ports.codec import event_of
from engine.runtime.arrivals import fetch, readable
from schemas.events.bodies import ExecutionCompleted, ExecutionStarted
from server.app.impact_messages import (
    Answer,
    Begin,
    Broken,
    Compare,
    Compared,
    Ready,
    framed,
    read_order,
)
from server.app.sealing import unlock
from server.settings import Settings

NICENESS = 10
_AT_ONCE = 64
"""Executions that are read together."""
_FIRST_PAGE = 256
"""Events of an execution that are read together with others; of a longer one, the rest alone."""

_REASONS = {
    "execution.erased": "its data was erased",
    "data.sealed": "its data is sealed and does not open",
}
"""Why an execution cannot be read, by the code of the error: nothing in it names the execution."""


class Comparer:
    """Compares executions with one new version of their definition."""

    def __init__(self, storage: PostgresStorage, jq: JqPool, begin: Begin) -> None:
        self._storage = storage
        self._histories = PostgresHistories(storage.database)
        self._jq = jq
        self._begin = begin
        self._program = program_of(begin.source, begin.media_type, begin.resources)
        self._old: dict[str, Program | None] = {}

    async def compare(self, ids: list[UUID]) -> Tally:
        """What the new version changes in these executions. Raises Unavailable."""
        tally = Tally()
        for first in range(0, len(ids), _AT_ONCE):
            read = await self._histories.beginnings(ids[first : first + _AT_ONCE], _FIRST_PAGE)
            for history in read:
                await self._add(tally, history)
        return tally

    async def _add(self, tally: Tally, history: History) -> None:
        name = format_execution(history.execution_id)
        try:
            events = await self._events(history)
            if events is not None:
                await self._compare(tally, name, history.execution_id, events)
        except NotComparable as why:
            tally.skip(name, str(why))
        except RefoldError as error:
            if error.code == "unavailable":
                raise
            tally.skip(name, _REASONS.get(error.code, error.code))
        except Exception as fault:  # noqa: BLE001 - one bad record ends no report
            tally.skip(name, f"its log cannot be followed ({type(fault).__name__})")

    async def _events(self, history: History) -> list[Event] | None:
        """All events; None: they are none of this report. Raises NotComparable."""
        if history.is_plain and history.length < _FIRST_PAGE:
            events = history.events()
        else:
            events = await self._all_events(history.execution_id)
        if not any(isinstance(event.body, ExecutionStarted) for event in events):
            return None  # a start that gathers CloudEvents is no execution yet
        wanted = self._begin.statuses
        if wanted is not None and _status_of(history.execution_id, events) not in wanted:
            return None
        return events

    async def _all_events(self, execution_id: UUID) -> list[Event]:
        most = self._begin.max_events
        rows = await self._storage.log.read_execution(execution_id, limit=most + 1)
        if len(rows) > most:
            raise NotComparable(f"it has more than {most} events")
        return [event_of(row) for row in rows]

    async def _compare(
        self, tally: Tally, name: str, execution_id: UUID, events: list[Event]
    ) -> None:
        taken = await self._cloudevents(events)
        most = 2 * self._begin.max_events
        rehearsal = rehearsed(self._program, execution_id, events, taken, most)
        outcome = await self._run(rehearsal.simulation)
        old = await self._program_of(rehearsal.definition_hash)
        tally.add(name, rehearsal.compare(outcome, old))

    async def _cloudevents(self, events: list[Event]) -> Mapping[int, Arrived]:
        """Those that the execution took, as far as the stream still has them."""
        positions = cloudevents_of(events)
        if not positions:
            return {}
        found = await fetch(self._storage.streams, self._begin.namespace, positions)
        return {one.event.position: one for one in readable(found.values())}

    async def _run(self, simulation: Simulation) -> Outcome:
        outcome = simulation.run()
        while isinstance(outcome, NeedsValues):
            answers = await self._jq.evaluate(outcome.requests)
            outcome = simulation.answer(dict(zip(outcome.requests, answers, strict=True)))
        return outcome

    async def _program_of(self, definition_hash: str) -> Program | None:
        """The version that an execution ran with; None: nobody can read it any more."""
        if definition_hash == self._program.definition_hash:
            return self._program
        if definition_hash not in self._old:
            self._old[definition_hash] = await self._load(definition_hash)
        return self._old[definition_hash]

    async def _load(self, definition_hash: str) -> Program | None:
        try:
            namespace = self._begin.namespace
            row = await self._storage.definitions.by_hash(namespace, definition_hash)
            return program_of(row.source, row.media_type, row.resources)
        except (NotFound, BadDefinition):
            return None


def _status_of(execution_id: UUID, events: list[Event]) -> str:
    last = events[-1].body
    if isinstance(last, ExecutionCompleted):
        return "completed"
    return fold(execution_id, events).status


async def serve(reader: asyncio.StreamReader, send: Callable[[Answer], None]) -> None:
    """Answer orders until there are no more."""
    begin = await read_order(reader)
    assert isinstance(begin, Begin), "the first order says what it is about"
    storage = await open_storage(begin.database_url, f"impact-{os.getpid()}", size=1)
    jq = JqPool(1)
    try:
        await unlock(storage, Settings(master_key_file=begin.master_key_file))
        comparer = Comparer(storage, jq, begin)
        send(Ready())
        while True:
            order = await read_order(reader)
            assert isinstance(order, Compare), "all other orders are work"
            send(Compared(await comparer.compare(order.executions)))
    finally:
        await jq.close()
        await storage.close()


async def main() -> None:
    """Serve standard input and output."""
    os.nice(NICENESS)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    output = sys.stdout.buffer

    def send(answer: Answer) -> None:
        output.write(framed(answer))
        output.flush()

    with contextlib.suppress(BrokenPipeError):
        try:
            await serve(reader, send)
        except asyncio.IncompleteReadError:
            return  # nobody asks any more
        except RefoldError as error:
            send(Broken(error.message))
        except Exception as fault:  # noqa: BLE001 - told to who asked, with what there is to say
            send(Broken(f"a worker of the impact report broke: {fault!r}"))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
