"""A small world for model checking the matching protocol: the runtime's own functions over the
memory twins, driven by hand, one storage operation at a time, in every order a scheduler picks.

An actor is a coroutine; each storage operation is a point where another actor may go on. A takeover
may happen at any such point: a new engine claims the shard and recovers, and the old one goes on as
a zombie whose every write must be refused.
"""

import random
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from engine.adapters.memory.storage import MemoryStorage
from engine.adapters.memory.store import MemoryStore
from engine.core.replay import fold
from engine.dialects.cncf_v08 import DIALECT, program_of
from engine.model.command import DeliverEvent, StartExecution
from engine.model.errors import Fenced
from engine.model.ids import shard_of_namespace
from engine.ports.codec import event_of
from engine.ports.requests import StartRequest, encode
from engine.ports.rows import DefinitionRow
from engine.runtime.acceptance import takes
from engine.runtime.armed import Armed
from engine.runtime.arrivals import arrived_of
from engine.runtime.batch import Batch
from engine.runtime.candidates import first_taken
from engine.runtime.context import EngineContext
from engine.runtime.hot import HotExecution, Mail
from engine.runtime.matcher import Matcher, _hints
from engine.runtime.owned import OwnedShard
from engine.runtime.programs import Loaded, ProgramCache
from engine.runtime.settings import EngineSettings
from engine.runtime.tally import Tally
from engine.runtime.turn import take_turn, turn_of
from schemas.events.bodies import EventReceived
from tests.runtime_harness import NAMESPACE, World, compile_row

TWO_WAITS = """
id: two
version: '1.0'
specVersion: '0.8'
name: two
start: One
events:
- name: A
  type: a
  source: tests
- name: B
  type: b
  source: tests
states:
- name: One
  type: event
  onEvents:
  - eventRefs: [A]
  - eventRefs: [B]
  transition: Two
- name: Two
  type: event
  onEvents:
  - eventRefs: [A]
  - eventRefs: [B]
  end: true
"""

TRIGGERED = """
id: triggered
version: '1.0'
specVersion: '0.8'
name: triggered
start: Begin
events:
- name: A
  type: a
  source: tests
states:
- name: Begin
  type: event
  onEvents:
  - eventRefs: [A]
  end: true
"""


def _defined(text: str) -> tuple[DefinitionRow, Loaded]:
    program = program_of(text.encode())
    row = DefinitionRow(
        NAMESPACE, program.workflow, program.version, program.definition_hash, DIALECT, "",
        text.encode(), {}, 0, "test", True,
    )  # fmt: skip
    return row, Loaded(program, {})


MATCHED = shard_of_namespace(NAMESPACE, 2)
OWNED = 1 - MATCHED
TWO = _defined(TWO_WAITS)
BY_TRIGGER = _defined(TRIGGERED)


@dataclass(frozen=True)
class Bugs:
    """Seeded bugs, each of which the model check must find."""

    look_before_commit: bool = False
    hint_apart_from_cursor: bool = False
    subscribers_before_events: bool = False
    hint_is_the_event: bool = False
    no_fence: bool = False
    no_look_at_takeover: bool = False


class Switch:
    """A point where the scheduler may let another actor go on. `idle`: nothing to do until another
    actor has done something."""

    def __init__(self, *, idle: bool = False) -> None:
        self.idle = idle

    def __await__(self) -> Generator["Switch", None, None]:
        yield self


class FixedClock:
    def now_ms(self) -> int:
        return 1_700_000_000_000


@dataclass
class Actor:
    name: str
    work: Coroutine[Any, Any, None]
    state: str = "ready"

    def go_on(self) -> None:
        """Up to its next storage operation, which is then pending."""
        try:
            point = self.work.send(None)
        except StopIteration:
            self.state = "done"
        except Fenced:
            self.state = "fenced"
        else:
            self.state = "idle" if point.idle else "ready"


@dataclass
class Small:
    """One schedule's world: one waiting execution, publishers, and two engines: the owner of the
    execution's shard, and the owner of the shard whose task is to match the stream."""

    events: tuple[str, ...]
    bugs: Bugs = Bugs()
    actors: list[Actor] = field(default_factory=list)
    engines: int = 0
    scheduled: bool = False

    def __post_init__(self) -> None:
        self.store = MemoryStore(
            shards=2, now_ms=FixedClock().now_ms, chance=random.Random(1), turn=self.turn
        )
        self.storage = MemoryStorage(self.store)
        self.world = World(self.storage)
        if self.bugs.no_fence:
            self.storage.log._check_fences = lambda batch: None  # type: ignore[method-assign]
            self.storage.log._check_new = lambda batch: None  # type: ignore[method-assign]
        for row, loaded in (TWO, BY_TRIGGER):
            trigger = loaded.program.trigger
            assert trigger is not None
            types = [one.type for one in trigger.events]
            driven(self.storage.definitions.apply(row, types, trigger.node))
        self.context = self._context()
        self.execution_id = self._accept()
        for number in range(0, len(self.events), 2):
            mine = self.events[number : number + 2]
            self.actors.append(Actor(f"publisher {number}", self._publish(number, mine)))
        self.take_over("owner")
        self.take_over("matcher")
        self.scheduled = True

    async def turn(self) -> None:
        """Before each storage operation."""
        if self.scheduled:
            await Switch()

    def _context(self) -> EngineContext:
        ports = self.world.ports(salts=bytes, chance=lambda: 0.0)
        programs = ProgramCache(ports.definitions, compile_row, 10)
        for row, loaded in (TWO, BY_TRIGGER):
            programs._cache[(NAMESPACE, row.definition_hash)] = loaded
        return EngineContext(
            "model", ports, EngineSettings(), FixedClock(), Tally(), programs,  # type: ignore[arg-type]
            Armed(),
        )  # fmt: skip

    def _accept(self) -> UUID:
        request = StartRequest(
            workflow="two", version="1.0", definition_hash=TWO[0].definition_hash, start_key="k"
        )
        execution_id, _ = driven(
            self.storage.inbox.accept_start(
                NAMESPACE, "two", ["k"], OWNED, b"", encode(request), "test", None
            )
        )
        return UUID(str(execution_id))

    def take_over(self, role: str) -> None:
        """A new engine claims the shard; whoever had it goes on, not knowing."""
        self.engines += 1
        number = OWNED if role == "owner" else MATCHED
        scheduled, self.scheduled = self.scheduled, False
        self.store.heads[number] = replace(self.store.heads[number], expires_at=0)
        head = driven(self.storage.leases.claim(f"engine {self.engines}", number, 1_000))
        self.scheduled = scheduled
        assert head is not None
        shard = OwnedShard(head, 1e18)
        work = Owner(self, shard).live() if role == "owner" else self._match(shard)
        self.actors.append(Actor(role, work))

    async def _publish(self, number: int, types: tuple[str, ...]) -> None:
        for offset, event_type in enumerate(types):
            await self.world.publish(event_type, {}, id=f"{number}.{offset}")

    async def _match(self, shard: OwnedShard) -> None:
        matcher = Matcher(self.context, lambda: {MATCHED: shard}, lambda _: None, 2)
        while True:
            while await self.storage.streams.namespaces([MATCHED]):
                if self.bugs.hint_apart_from_cursor or self.bugs.subscribers_before_events:
                    await self._match_badly(matcher, shard)
                else:
                    await matcher.match(NAMESPACE, shard)
                if self.store.heads[MATCHED].epoch != shard.epoch:
                    raise Fenced("taken over")
            await Switch(idle=True)

    async def _match_badly(self, matcher: Matcher, shard: OwnedShard) -> None:
        """Seeded bugs: who subscribes is read too early, or the hints are written by themselves."""
        streams = self.storage.streams
        early = await streams.subscribers(NAMESPACE, ["a", "b"], [])
        cursor, head = await streams.matched(NAMESPACE), await streams.head(NAMESPACE)
        events = await streams.read(NAMESPACE, (), cursor, head)
        if not events:
            return
        matches = await matcher.matches(NAMESPACE, events)
        if self.bugs.subscribers_before_events:
            hints = _hints([arrived_of(event) for event in events], early)
            matches = [match for match in matches if match.kind != "hint"] + hints
        late = [match for match in matches if match.kind == "hint"]
        if self.bugs.hint_apart_from_cursor:
            matches = [match for match in matches if match.kind != "hint"]
        await streams.advance(MATCHED, shard.epoch, NAMESPACE, cursor, events[-1].position, matches)
        if self.bugs.hint_apart_from_cursor and late:
            await self.turn()
            for match in late:
                self.store.put_inbox(
                    shard=OWNED, kind="hint", execution_id=match.execution_id, namespace=NAMESPACE,
                    position=match.position, body=b"", actor="engine", traceparent=None,
                )  # fmt: skip

    def received(self) -> list[int]:
        """Positions of the CloudEvents that the execution took, in order."""
        rows = sorted(self.store.events.get(self.execution_id, []), key=lambda row: row.seq)
        bodies = [event_of(row).body for row in rows]
        return [
            body.event.position
            for body in bodies
            if isinstance(body, EventReceived) and body.event is not None
        ]


class Owner:
    """The owner of the one execution, made of the runtime's own functions in the protocol's order:
    subscribe and commit, then look; a hint makes it look again."""

    def __init__(self, small: Small, shard: OwnedShard) -> None:
        self._small = small
        self._shard = shard
        self._context = small.context
        self._hot: HotExecution | None = None

    async def live(self) -> None:
        await self._recover()
        while True:
            inbox = self._small.storage.inbox
            found = await inbox.read([OWNED], (), 100)
            rows = [row for row in found if row.execution_id == self._small.execution_id]
            for row in rows:
                if self._hot is None and row.kind != "start":
                    await self._recover()
                await self._take(row.kind, row.position, (row.shard, row.id))
            if not rows:
                await Switch(idle=True)

    async def _recover(self) -> None:
        rows = await self._small.storage.log.read_execution(self._small.execution_id)
        if not rows:
            return
        state = fold(self._small.execution_id, [event_of(row) for row in rows])
        self._hot = HotExecution(
            self._small.execution_id, NAMESPACE, self._shard, TWO[1],
            state=state, hash_=rows[-1].hash,
        )  # fmt: skip
        if not self._small.bugs.no_look_at_takeover:
            await self._look()

    async def _take(self, kind: str, position: int, taken: tuple[int, int]) -> None:
        if kind == "start":
            self._hot = HotExecution(self._small.execution_id, NAMESPACE, self._shard, TWO[1])
            stale = await self._commit(Mail(StartExecution(), taken=(taken,)))
            await self._look(stale)
        elif self._small.bugs.hint_is_the_event:
            await self._push(position, taken)
        else:
            stale = await self._commit(Mail(None, taken=(taken,)))
            await self._look(stale)

    async def _push(self, position: int, taken: tuple[int, int]) -> None:
        """Seeded bug: the hint's own CloudEvent is delivered, wherever others stand."""
        rows = await self._small.storage.streams.read(NAMESPACE, (), position - 1, position)
        await self._commit(Mail(None, taken=(taken,)))
        arrived = arrived_of(rows[0])
        assert self._hot is not None
        for wait in list(self._hot.state.waits.values()):
            if takes(self._hot.state, wait, arrived):
                await self._commit(Mail(DeliverEvent(wait.id, arrived)))

    async def _look(self, stale: int | None = None) -> None:
        """`stale`: a head from before the subscription's commit (seeded bug)."""
        assert self._hot is not None
        streams = self._small.storage.streams
        while not self._hot.state.closed and self._hot.state.waits:
            head = stale if stale is not None else await streams.head(NAMESPACE)
            (wait,) = self._hot.state.waits.values()
            found = await first_taken(
                streams, NAMESPACE, self._hot.state, wait, after=0, head=head, page=2
            )
            if found is None:
                return
            stale = await self._commit(Mail(DeliverEvent(wait.id, found)))

    async def _commit(self, mail: Mail) -> int | None:
        """One command, one append, fenced; then it is the state."""
        hot = self._hot
        assert hot is not None
        stale = None
        if self._small.bugs.look_before_commit:
            stale = await self._small.storage.streams.head(NAMESPACE)
        hot.mails.append(mail)
        turn = turn_of(hot)
        take_turn(turn, self._context)
        if turn.empty:
            return stale
        batch = Batch(self._context)
        batch.add(turn)
        await self._small.storage.log.append(batch.seal())
        part = batch.parts[OWNED]
        self._shard.moved(last_position=part.last_position, hash_=part.hash)
        hot.state, hot.hash = turn.after, turn.hash
        return stale


def driven(work: Coroutine[Any, Any, Any]) -> Any:
    """Run what never has to wait to its end."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits for something")


def violation(small: Small) -> str | None:
    """What is wrong in a quiescent world; None: all is well."""
    rows = small.store.events.get(small.execution_id, [])
    if sorted(row.seq for row in rows) != list(range(1, len(rows) + 1)):
        return "the log has gaps or doubles"
    stream = small.store.streams[NAMESPACE]
    if small.received() != expected([event.type for event in stream.events]):
        return f"took {small.received()} of {[event.type for event in stream.events]}"
    if stream.matched != stream.head:
        return "CloudEvents were not matched"
    left = list(small.store.inbox.values())
    if any(row.kind == "hint" or row.execution_id == small.execution_id for row in left):
        return "inbox rows were not taken"
    started = sorted(row.position for row in left)
    by_a = [event.position for event in stream.events if event.type == "a"]
    if started != sorted(by_a + [event.position for event in stream.events]):
        return f"CloudEvents started executions at {started}"
    return None


def expected(types: list[str]) -> list[int]:
    """What the two waits take, as a function of the stream alone: each event definition looks
    behind the last CloudEvent that it took, the lowest position of any of them wins."""
    behind = {"a": 0, "b": 0}
    taken: list[int] = []
    for _ in range(2):
        open_positions = [
            position
            for position, event_type in enumerate(types, 1)
            if event_type in behind and position > behind[event_type]
        ]
        if open_positions:
            first = min(open_positions)
            behind[types[first - 1]] = first
            taken.append(first)
    return taken


FAULTS = (("owner", "dies"), ("matcher", "dies"), ("owner", "freezes"), ("matcher", "freezes"))


class Schedule:
    """One run of a world. `choose(step, free, count)` picks among `count` alternatives; 0 is the
    same actor as before, or, if that one cannot go on, the first of the `free` ones that can."""

    def __init__(self, small: Small, takeovers: int) -> None:
        self.small = small
        self.takeovers = takeovers
        self.counts: list[int] = []
        self._current: Actor | None = None

    def run(self, choose: Callable[[int, int, int], int]) -> None:
        """Until nobody has anything to do."""
        try:
            while True:
                runnable = self._runnable()
                if not runnable:
                    return
                count = len(runnable) + (len(FAULTS) if self.takeovers else 0)
                goes_on = self._current is runnable[0]
                choice = choose(len(self.counts), 0 if goes_on else len(runnable), count)
                self.counts.append(count)
                assert len(self.counts) < 1_000, "it never ends"
                self._do(runnable, choice)
        finally:
            for actor in self.small.actors:
                actor.work.close()

    def _runnable(self) -> list[Actor]:
        ready = [actor for actor in self.small.actors if actor.state == "ready"]
        if self._current in ready:
            ready.remove(self._current)
            ready.insert(0, self._current)
        return ready

    def _do(self, runnable: list[Actor], choice: int) -> None:
        if choice >= len(runnable):
            self._take_over(*FAULTS[choice - len(runnable)])
            return
        actor = self._current = runnable[choice]
        before = self._fingerprint()
        actor.go_on()
        if self._fingerprint() != before:
            self._wake(actor)

    def _wake(self, mover: Actor | None) -> None:
        for other in self.small.actors:
            if other is not mover and other.state == "idle":
                other.state = "ready"

    def _take_over(self, role: str, fate: str) -> None:
        """An engine dies, or stands still and goes on later as a zombie."""
        self.takeovers -= 1
        for actor in list(self.small.actors):
            if actor.name == role and fate == "dies":
                actor.work.close()
                self.small.actors.remove(actor)
        self.small.take_over(role)

    def _fingerprint(self) -> tuple[object, ...]:
        store = self.small.store
        stream = store.streams.get(NAMESPACE)
        moved = (stream.head, stream.matched) if stream is not None else ()
        return (store.last_inbox_id, len(store.inbox), tuple(store.heads.values()), moved)
