"""Bundles of executions that the engine ran, in memory."""

import asyncio
import io
import zipfile
from types import SimpleNamespace

from engine.adapters.memory.storage import MemoryStorage
from engine.adapters.memory.store import MemoryStore
from engine.runtime.programs import ProgramCache
from schemas.events.parts import Asked
from server.api.bundles.gathering import bundled
from tests.runtime_harness import NAMESPACE, World, compile_row
from tests.unit.verifier.sample import services_of

PAYS = """
id: pays
version: '1.0'
specVersion: '0.8'
name: pays
start: pay
functions: [{name: pay, type: custom, operation: 'python:shop:pay'}]
events: [{name: told, type: told, source: here, kind: produced}]
states:
- name: pay
  type: operation
  actions:
  - functionRef: {refName: pay, arguments: {card: '${ .customer.card }'}}
    actionDataFilter: {toStateData: .paid}
  transition: note
- name: note
  type: inject
  data: {done: true}
  transition: {nextState: again, produceEvents: [{eventRef: told}]}
- name: again
  type: operation
  actions: [{functionRef: {refName: pay, arguments: {card: '${ .customer.card }'}}}]
  end: true
"""
CARD = "4111-2222-3333"
INPUT = {
    "customer": {"card": CARD, "pin": 42, "tags": ["x", "y", "x"]},
    "order": {"price": 7},
    "copies": [{"n": CARD}, f"card {CARD} of somebody"],
}
QUERY = {"redact": None, "elsewhere": None, "secrets": None, "definition": None}


def asking(storage, **query):
    """What a request is for the export."""
    services = services_of(storage)
    programs = ProgramCache(storage.definitions, compile_row, 10)
    object.__setattr__(services, "programs", programs)
    return SimpleNamespace(
        services=services, namespace=NAMESPACE, actor="key:tester", asked=Asked(reason="to see"),
        query={**QUERY, **query},
    )  # fmt: skip


async def bundle_of(storage, ident, **query):
    """The bytes of a bundle."""
    _, parts = await bundled(asking(storage, **query), ident)
    return b"".join([part async for part in parts])


def answering(call):
    """What the function says: the card again, and something beside it."""
    return {"receipt": f"paid with {call.arguments['card']}", "amount": 12345678901234567890}


async def run_some(world, others=3):
    """Executions in the same shards; the first of them."""
    world.handler.answer = answering
    row = await world.apply(PAYS)
    await world.started_node()
    idents = [await world.start(row, INPUT) for _ in range(1 + others)]
    for ident in idents:
        await world.closed(ident)
    return idents[0]


def sample(**query):
    """The bytes of a bundle, made in a world of its own."""

    async def made():
        world = World(MemoryStorage(MemoryStore(shards=1)))
        try:
            ident = await run_some(world)
            return await bundle_of(world.storage, ident, **query)
        finally:
            await world.close()

    return asyncio.run(made())


def members_of(bundle):
    """Members of a bundle by name."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as file:
        return {name: file.read(name) for name in file.namelist()}


def packed(members):
    """A bundle of these members."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return made.getvalue()
