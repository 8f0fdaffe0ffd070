"""What the system is doing while it is being killed: all kinds of workflows, from a seed."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from engine.model.ids import parse_execution
from tests.crash.client import Client, GaveUp
from tests.crash.journal import Journal
from tests.crash.watch import Watch

_DEFINITIONS = Path(__file__).with_name("definitions")
_PATIENCE_S = 8.0
_DUPLICATES = 0.1
_LONG = 30
_LEAVES_MEMORY_S = 14.0
"""Longer than an idle execution stays in memory."""


class Workload:
    """Keeps `width` operations going until told to stop. Each is begun by a client that insists.
    `late`: the share of those whose execution leaves memory before its last event comes."""

    def __init__(
        self,
        client: Client,
        watch: Watch,
        journal: Journal,
        *,
        seed: int,
        width: int,
        late: float,
    ) -> None:
        self._client = client
        self._watch = watch
        self._journal = journal
        self._chance = random.Random(f"workload {seed}")
        self._seed = seed
        self._width = width
        self._late = late
        self._trigger_source = b""
        self._number = 0
        self._stopping = False
        self._kinds: list[tuple[str, Callable[[str], Awaitable[None]]]] = [
            ("chaos-calls", self._calls),
            ("chaos-fan", self._fan),
            ("chaos-waits", self._waits),
            ("chaos-trigger", self._trigger),
            ("chaos-gather", self._gather),
            ("chaos-callback", self._callback),
            ("chaos-timeout", self._timeout),
            ("chaos-fan", self._cancelled),
        ]

    async def apply(self, services: str) -> None:
        """Store the definitions; `services`: URL of what they call."""
        for path in sorted(_DEFINITIONS.glob("*.sw.yaml")):
            source = path.read_bytes().replace(b"STUB", services.encode())
            await self._client.apply(source)
            if path.name.startswith("trigger."):
                self._trigger_source = source

    def stop(self) -> None:
        """Begin nothing new."""
        self._stopping = True

    async def run(self) -> None:
        """Work until stopped; what was begun is then brought to its end by the client."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_changing())
            for _ in range(self._width):
                group.create_task(self._keep_going())

    async def _keep_going(self) -> None:
        while not self._stopping:
            self._number += 1
            name, scenario = self._kinds[self._number % len(self._kinds)]
            if self._chance.random() < self._late:
                name, scenario = "chaos-long", self._long
            op = f"s{self._seed}n{self._number}"
            self._journal.ops[op] = name
            self._journal.offered += 1
            await asyncio.sleep(self._chance.uniform(0, 0.1))
            try:
                await scenario(op)
                self._journal.succeeded += 1
            except GaveUp as told:
                self._journal.failures.append(f"{op} ({name}): {told}")

    async def _keep_changing(self) -> None:
        """New versions of a definition that CloudEvents start: each of these starts one of them."""
        version = 1
        while not self._stopping:
            version += 1
            with suppress(GaveUp):
                text = self._trigger_source.replace(b'version: "1"', b'version: "%d"' % version)
                await self._client.apply(text)
            await asyncio.sleep(self._chance.uniform(0.5, 5.0))

    async def _start(self, workflow: str, op: str, **more: object) -> str:
        """Start it; now and then ask again with the same key, as after a lost answer."""
        input_ = {"op": op, **more}
        execution = await self._client.start(op, workflow, op, input_)
        if self._chance.random() < _DUPLICATES:
            await self._client.start(op, workflow, op, input_)
        await self._client.look(execution)
        return execution

    async def _closed(self, execution: str) -> None:
        """Wait for its end, but not so long that a slow one stops the load."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                await self._watch.until_closed(parse_execution(execution))

    async def _calls(self, op: str) -> None:
        await self._closed(await self._start("chaos-calls", op))

    async def _fan(self, op: str) -> None:
        await self._closed(await self._start("chaos-fan", op, items=["a", "b", "c"]))

    async def _long(self, op: str) -> None:
        await self._start("chaos-long", op, items=[str(n) for n in range(_LONG)])
        await asyncio.sleep(_LEAVES_MEMORY_S)
        await self._event(op, "chaos.late", 2.0)

    async def _cancelled(self, op: str) -> None:
        execution = await self._start("chaos-fan", op, items=["a", "b", "c"])
        await asyncio.sleep(self._chance.uniform(0, 1.0))
        await self._client.cancel(execution, op)
        await self._closed(execution)

    async def _timeout(self, op: str) -> None:
        await self._closed(await self._start("chaos-timeout", op))

    async def _callback(self, op: str) -> None:
        how = self._chance.choice(("token", "event"))
        await self._closed(await self._start("chaos-callback", op, answer=how))

    async def _waits(self, op: str) -> None:
        """Events before, while and after the execution waits, in any order."""
        execution = await self._start("chaos-waits", op)
        await asyncio.gather(
            *(self._event(op, f"chaos.{kind}", 1.6) for kind in ("one", "two", "three"))
        )
        await self._closed(execution)

    async def _trigger(self, op: str) -> None:
        """The second event must stand behind the first in the stream: wait until that is stored."""
        await self._event(op, "chaos.begin", 0)
        if await self._stored(f"{op}-chaos.begin"):
            await self._event(op, "chaos.settled", 0.8)

    async def _gather(self, op: str) -> None:
        await asyncio.gather(
            self._event(op, "chaos.left", 0.8), self._event(op, "chaos.right", 0.8)
        )

    async def _event(self, op: str, kind: str, within_s: float) -> None:
        """Publish over HTTP or NATS; a duplicate goes either way."""
        await asyncio.sleep(self._chance.uniform(0, within_s))
        await self._client.publish(f"{op}-{kind}", kind, op, self._way())
        if self._chance.random() < _DUPLICATES:
            await self._client.publish(f"{op}-{kind}", kind, op, self._way())

    def _way(self) -> str:
        return self._chance.choice(("http", "nats"))

    async def _stored(self, event_id: str) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._watch.until_stored(event_id)
        except TimeoutError:
            return False
        return True

    async def answer(self, op: str, token: str, how: str) -> None:
        """The service's answer to a callback."""
        with suppress(GaveUp):
            if how == "token":
                await self._client.answer(token, {"op": op})
            else:
                await self._client.publish(f"{op}-chaos.answer", "chaos.answer", op, self._way())

    async def finish(self) -> None:
        """After the faults: publish what a client that had given up still owes, and what NATS lost
        with its store (it has no promise for that, so its clients have to send again)."""
        await asyncio.gather(*(self._owed(op, name) for op, name in self._journal.ops.items()))

    async def _owed(self, op: str, name: str) -> None:
        kinds = {
            "chaos-waits": ("one", "two", "three"),
            "chaos-trigger": ("begin", "settled"),
            "chaos-gather": ("left", "right"),
            "chaos-long": ("late",),
            "chaos-callback": ("answer",) if f"{op}-chaos.answer" in self._journal.events else (),
        }.get(name, ())
        for kind in kinds:
            event_id = f"{op}-chaos.{kind}"
            known = self._journal.events.get(event_id)
            if known is None or not known.acked or self._wiped(event_id):
                await self._client.publish(event_id, f"chaos.{kind}", op, "http")
            if kind == "begin":
                await self._watch.until_stored(event_id)

    def _wiped(self, event_id: str) -> bool:
        """Whether NATS had acknowledged it and lost it with its store, before we took it."""
        record = self._journal.events[event_id]
        if event_id in self._watch.stored or not any(w >= record.at for w in self._journal.wipes):
            return False
        self._journal.wiped_events += 1
        return True
