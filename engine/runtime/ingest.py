"""The one way in for CloudEvents: committed together, answered one by one."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence

import msgspec

from engine.model.cloudevents import CloudEvent
from engine.model.cloudevents.attributes import canonical_text
from engine.model.cloudevents.json_format import encode_structured
from engine.model.errors import RefoldError, Unavailable
from engine.model.ids import attribute_key
from engine.ports.rows import IngestRow, Receipt
from engine.ports.storage import Streams
from engine.ports.world import Hints

MAX_ROWS_A_COMMIT = 1_000
MAX_WAITING_ROWS = 10_000


def ingest_row(event: CloudEvent, actor: str) -> IngestRow:
    """The row of a CloudEvent. Its keys are those of the subject and of every extension, by which
    subscriptions with a correlation find it."""
    attributes = {name: canonical_text(value) for name, value in event.attributes()}
    keyed = {name: canonical_text(value) for name, value in event.extensions.items()}
    if event.subject is not None:
        keyed["subject"] = event.subject
    return IngestRow(
        id=event.id,
        source=event.source,
        type=event.type,
        digest=event.digest(),
        attributes=msgspec.json.encode(attributes),
        body=encode_structured(event),
        keys=tuple(sorted({attribute_key(name, value) for name, value in keyed.items()})),
        actor=actor,
    )


class _Waiting:
    """The rows of one caller, and its answer to come."""

    def __init__(self, rows: list[IngestRow]) -> None:
        self.rows = rows
        self.receipts: asyncio.Future[list[Receipt]] = asyncio.get_running_loop().create_future()

    def answer(self, receipts: list[Receipt]) -> None:
        if not self.receipts.done():
            self.receipts.set_result(receipts)

    def fail(self, error: BaseException) -> None:
        if not self.receipts.done():
            self.receipts.set_exception(error)


class Intake:
    """Ingests CloudEvents, one commit in flight for each namespace; the next gathers meanwhile."""

    def __init__(
        self, streams: Streams, hints: Hints, max_waiting_rows: int = MAX_WAITING_ROWS
    ) -> None:
        self._streams = streams
        self._hints = hints
        self._max_waiting_rows = max_waiting_rows
        self._lanes: dict[str, deque[_Waiting]] = {}
        self._waiting_rows: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def ingest(
        self, namespace: str, events: Sequence[CloudEvent], actor: str
    ) -> list[Receipt]:
        """One receipt an event, in order, once all are committed. Raises Unavailable (nothing is
        promised: send them again; what was stored already is then a duplicate)."""
        if not events:
            return []
        rows = [ingest_row(event, actor) for event in events]
        ahead = self._waiting_rows.get(namespace, 0)
        if ahead and ahead + len(rows) > self._max_waiting_rows:
            raise Unavailable(
                f"{ahead} CloudEvents of namespace {namespace} wait to be stored; send these again "
                f"in a second"
            )
        waiting = _Waiting(rows)
        self._waiting_rows[namespace] = ahead + len(rows)
        lane = self._lanes.get(namespace)
        if lane is None:
            self._lanes[namespace] = deque([waiting])
            task = asyncio.create_task(self._drain(namespace))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            lane.append(waiting)
        return await waiting.receipts

    async def close(self) -> None:
        """Wait for the commits in flight."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _drain(self, namespace: str) -> None:
        lane = self._lanes[namespace]
        try:
            while lane:
                group = _taken(lane)
                await self._commit(namespace, group)
                self._waiting_rows[namespace] -= sum(len(one.rows) for one in group)
        finally:
            for left in self._lanes.pop(namespace):
                left.fail(Unavailable("Refold is shutting down; send these again"))
            self._waiting_rows.pop(namespace, None)

    async def _commit(self, namespace: str, group: list[_Waiting]) -> None:
        """Commit the rows of all callers at once; where they are refused, each caller's alone."""
        try:
            receipts = await self._streams.ingest(
                namespace, [row for waiting in group for row in waiting.rows]
            )
        except Unavailable as error:
            for waiting in group:
                waiting.fail(error)
            return
        except Exception as error:  # noqa: BLE001  it belongs to the callers, who wait for it
            if len(group) == 1:
                group[0].fail(error)
                return
            for waiting in group:
                await self._commit(namespace, [waiting])
            return
        start = 0
        for waiting in group:
            waiting.answer(receipts[start : start + len(waiting.rows)])
            start += len(waiting.rows)
        if any(receipt.outcome == "stored" for receipt in receipts):
            with contextlib.suppress(RefoldError):
                await self._hints.notify(f"stream.{namespace}")


def _taken(lane: deque[_Waiting]) -> list[_Waiting]:
    """The next group: at least one caller, at most MAX_ROWS_A_COMMIT rows if there are several."""
    group = [lane.popleft()]
    size = len(group[0].rows)
    while lane and size + len(lane[0].rows) <= MAX_ROWS_A_COMMIT:
        size += len(lane[0].rows)
        group.append(lane.popleft())
    return group
