"""An export of a small installation whose executions the engine ran, in memory."""

import asyncio
import importlib
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from engine.adapters.memory.storage import MemoryStorage
from engine.adapters.memory.store import MemoryStore
from engine.ports.audit import Deed
from schemas.events.parts import Asked
from schemas.export import records
from server.api.door.exchange import Services
from server.api.proof.exporting import exported, read_head
from tests.runtime_harness import NAMESPACE, World, steps

PROGRAM = Path(__file__).resolve().parents[3] / "verifier" / "refold_verify"

WAITS = """
id: waits
version: "1.0"
specVersion: "0.8"
name: Waits
start: {stateName: Wait}
events:
  - {name: paid, type: paid, source: tests}
states:
  - name: Wait
    type: event
    onEvents:
      - eventRefs: [paid]
    end: true
"""


def load_program() -> SimpleNamespace:
    """The modules of the standalone verifier by name, which find each other as they do when python
    runs their folder, and nobody else."""
    names = [path.stem for path in PROGRAM.glob("*.py") if path.stem != "__main__"]
    taken = [name for name in names if name in sys.modules]
    assert not taken, f"these names are taken: {taken}"
    sys.path.insert(0, str(PROGRAM))
    try:
        return SimpleNamespace(**{name: importlib.import_module(name) for name in names})
    finally:
        sys.path.remove(str(PROGRAM))
        for name in names:
            sys.modules.pop(name, None)


@dataclass
class Sample:
    """A storage, what the API needs of it, and its export."""

    storage: MemoryStorage
    services: Services
    lines: list[bytes]
    head: records.Head


def services_of(storage: MemoryStorage) -> Services:
    """The ports that an export and a verification ask."""
    nothing: Any = None
    given = {name: nothing for name in Services.__dataclass_fields__ if name not in _DEFAULTS}
    given |= {name: getattr(storage, name) for name in given if hasattr(storage, name)}
    return Services(**given)


_DEFAULTS = ("keyring", "limits", "checks")


async def lines_of(services: Services, scope: str | None = None) -> list[bytes]:
    """The lines of an export made now."""
    head = await read_head(services)
    return [records.encode(one) async for one in exported(services, head, scope)]


async def grown() -> MemoryStorage:
    """Executions that ended, wait and were cancelled, in few shards; deeds in two streams."""
    storage = MemoryStorage(MemoryStore(shards=3))
    world = World(storage)
    short, waits = await world.apply(steps("short", 1)), await world.apply(WAITS)
    await world.started_node()
    for number in range(3):
        await world.closed(await world.start(short, {"number": number, "name": "Größe"}))
    waiting = [await world.start(waits, {"order": number}) for number in range(2)]
    for one in waiting:
        await world.until(one, lambda state: bool(state.waits))
    await world.publish("paid", {"by": "card"})
    for one in waiting:
        await world.closed(one)
    open_one = await world.start(waits, {})
    await world.until(open_one, lambda state: bool(state.waits))
    await world.close()
    for number in range(3):
        deed = Deed(NAMESPACE, "key:ann", "bundle.exported", f"ex_{number}", Asked("cli", "why"))
        await storage.audit.record(deed)
    await storage.audit.record(Deed("*", "key:bob", "projection.rebuilt", "read_2"))
    return storage


async def _sample() -> Sample:
    storage = await grown()
    services = services_of(storage)
    return Sample(storage, services, await lines_of(services), await read_head(services))


def make_sample() -> Sample:
    """The sample, made in a loop of its own."""
    return asyncio.run(_sample())
