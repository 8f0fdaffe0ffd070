"""Forks on memory twins, asked for as the API does, and what they are made of."""

from types import SimpleNamespace

from engine.model.ids import parse_execution
from engine.runtime.programs import ProgramCache
from schemas.api.forks import Fork
from schemas.events.parts import Asked
from server.api.forks.forking import Asker, Order, fork
from tests.runtime_harness import NAMESPACE, World, compile_row, steps

EMITTING = """
id: emitting
version: '1.0'
specVersion: '0.8'
name: emitting
start: tell
functions: [{name: work, type: custom, operation: 'python:tests:work'}]
events: [{name: told, type: told, source: here, kind: produced}]
states:
- name: tell
  type: inject
  data: {said: true}
  transition: {nextState: work, produceEvents: [{eventRef: told}]}
- name: work
  type: operation
  actions: [{functionRef: work}]
  end: true
"""
RETRYING = """
id: retrying
version: '1.0'
specVersion: '0.8'
name: retrying
start: work
functions: [{name: work, type: custom, operation: 'python:tests:work'}]
retries: [{name: soon, delay: PT0.05S, maxAttempts: 2}]
states:
- name: work
  type: operation
  actions: [{functionRef: work, retryRef: soon}]
  end: true
"""
CALLING_BACK = """
id: calling
version: '1.0'
specVersion: '0.8'
name: calling
start: ask
functions: [{name: work, type: custom, operation: 'python:tests:work'}]
events: [{name: answered, type: answered, source: bank}]
states:
- name: ask
  type: callback
  action: {functionRef: {refName: work, arguments: {}}}
  eventRef: answered
  end: true
"""
TRIGGERED = """
id: triggered
version: '1.0'
specVersion: '0.8'
name: triggered
start: begun
events:
- {name: begin, type: begin, source: tests}
- {name: more, type: go.on, source: tests}
states:
- name: begun
  type: event
  onEvents: [{eventRefs: [begin]}]
  transition: more
- name: more
  type: event
  onEvents: [{eventRefs: [more]}]
  end: true
"""
BOTH = """
id: both
version: '1.0'
specVersion: '0.8'
name: both
start: both
functions: [{name: work, type: custom, operation: 'python:tests:work'}]
states:
- name: both
  type: parallel
  branches:
  - {name: one, actions: [{functionRef: {refName: work, arguments: {n: 1}}}]}
  - {name: two, actions: [{functionRef: {refName: work, arguments: {n: 2}}}]}
  end: true
"""
CHOOSING = """
id: choosing
version: '1.0'
specVersion: '0.8'
name: choosing
start: begin
states:
- {name: begin, type: inject, data: {large: 'yes'}, transition: choose}
- name: choose
  type: switch
  dataConditions: [{condition: '${ .large }', end: true}]
  defaultCondition: {end: true}
"""


def asker(world: World) -> Asker:
    door = world.storage
    services = SimpleNamespace(
        log=door.log, inbox=door.inbox, streams=door.streams, definitions=door.definitions,
        programs=ProgramCache(door.definitions, compile_row, 10), hints=world.hints,
        catalog=door.catalog, installation=door.installation, evaluate=world.evaluator.evaluate,
        key_office=SimpleNamespace(veiled=plain),
    )  # fmt: skip
    return Asker(services, NAMESPACE, "key:tester", Asked(origin="tests", reason="to see"))


async def plain(_namespace, text):
    return text


async def forked(world, source, redrive=False, again=False, **wanted):
    order = Order(Fork(**wanted), redrive=redrive, again=again)
    answer = await fork(asker(world), source, order)
    return parse_execution(answer.execution)


async def ended(world, name="three", count=3):
    """An execution that has ended."""
    source = await world.start(await world.apply(steps(name, count)))
    await world.closed(source)
    return source


async def last_of(world, ident, kind):
    return max(row.seq for row in await world.rows(ident) if row.type == kind)


async def wait_for(held):
    await held.wait()
    return {}
