"""A server: adapters put behind ports, roles over them.

A server is some of four roles over given services: `api` answers HTTP, `engine` owns shards and
runs executions, `projector` keeps the read tables, `worker` runs Python functions.
"""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import msgspec

from engine.adapters.crypto.keychain import KeyChain
from engine.adapters.handlers.egress import EgressPolicy
from engine.adapters.handlers.http import HttpHandler
from engine.adapters.handlers.http_client import HttpClient
from engine.adapters.handlers.openapi import OpenApiHandler
from engine.adapters.jq.pool import JqPool
from engine.adapters.memory.hints import MemoryHints
from engine.adapters.nats.connection import NatsConnection
from engine.adapters.nats.hints import CombinedHints, NatsHints
from engine.adapters.nats.publisher import NatsPublisher
from engine.adapters.nats.source import NatsSource
from engine.adapters.nats.work_handler import WorkHandler
from engine.adapters.nats.work_probe import WorkProbe
from engine.adapters.nats.worker import Worker
from engine.adapters.postgres import failures
from engine.adapters.postgres.migrate import ensure_partitions
from engine.adapters.postgres.pool import Database, open_database
from engine.adapters.postgres.storage import PostgresStorage, open_storage
from engine.adapters.secrets_env import EnvSecrets
from engine.dialects.cncf_v08 import program_of
from engine.model.cloudevents import CloudEventLimits
from engine.model.errors import RefoldError
from engine.model.program import Program
from engine.ports.rows import DefinitionRow
from engine.ports.world import Hints
from engine.runtime.bus_intake import BusIntake
from engine.runtime.engine_ports import EnginePorts
from engine.runtime.ingest import Intake
from engine.runtime.node import EngineNode
from engine.runtime.programs import ProgramCache
from engine.runtime.settings import EngineSettings
from projections.runner import Projector
from projections.store import ReadStore
from server.api.door.exchange import ApiLimits, Services
from server.api.door.metrics import watch_engine
from server.api.listener import Listener
from server.app.impact_workers import ImpactWorkers
from server.app.installation import prepare, wait_for
from server.app.sealing import KEYS_TOPIC, unlock
from server.auth import Keyring, check_binding, read_key_file
from server.settings import BadSetting, Settings

_log = logging.getLogger("refold.server")
_NATS_WAIT_S = 30.0
FINISH_S = 10.0
"""How long actions that run may take to end when the server is stopped."""

_PARTITIONS_EVERY_S = 6 * 3600.0
_API_PROGRAMS = 100
"""Definitions that the API keeps compiled, to say what a wait or a trigger asks."""


class ReadDatabase:
    """Connections for the read side; what the driver raises becomes an error of ours."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Any]:
        """A connection for the time of the context."""
        try:
            async with self._database.connection() as connection:
                yield connection
        except failures.DRIVER_FAILURES as error:
            raise failures.of_statement(error) from error


class Server:
    """Some roles over given services; start it, wait, stop it."""

    def __init__(self, settings: Settings, roles: Sequence[str], *, local: bool = False) -> None:
        """`local`: actions may call this machine's loopback. Raises what settings raise."""
        self._settings = settings
        self._roles = frozenset(roles)
        self._local = local
        self._name = _unique_name(settings.engine_name)
        self._keyring = _keyring_of(settings)
        self._egress = _egress_of(settings, local=local)
        self._functions = settings.functions_path
        if "api" in self._roles:
            check_binding(settings.http_address[0], self._keyring)
        self._stack = AsyncExitStack()
        self._finishing: list[Callable[[], Awaitable[None]]] = []
        self._listener: Listener | None = None

    @property
    def http_url(self) -> str | None:
        """Where the API listens, once it does."""
        return None if self._listener is None else self._listener.url

    @property
    def nats_url(self) -> str:
        """The NATS it uses."""
        return self._settings.nats_url

    @property
    def database_url(self) -> str:
        """The Postgres it uses."""
        return self._settings.database_url

    def use(self, database_url: str, nats_url: str) -> None:
        """Stand on these services instead of those that the settings name."""
        self._settings = replace(self._settings, database_url=database_url, nats_url=nats_url)

    def finish_with(self, finish: Callable[[], Awaitable[None]]) -> None:
        """When it is stopped, wait for this too while its own actions end."""
        self._finishing.append(finish)

    async def start(self) -> None:
        """Migrate, connect, start the roles. Raises RefoldError; then nothing is left running."""
        async with AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()

    async def stop(self) -> None:
        """Begin no more actions, let those that run end (at most `FINISH_S`), then stop the roles
        in the opposite order and let go of the services."""
        ended = await asyncio.gather(
            *(finish() for finish in self._finishing), return_exceptions=True
        )
        for fault in filter(None, ended):
            _log.warning("actions that run could not be waited for: %r", fault)
        await self._stack.aclose()

    async def _start(self, stack: AsyncExitStack) -> None:
        alone = self._roles == {"worker"}  # who runs functions needs, and gets, no database
        owner = None if alone else await prepare(self._settings)
        connection = NatsConnection(self._settings.nats_url, self._name)
        connection.start()
        stack.push_async_callback(connection.close)
        await connection.connected(_NATS_WAIT_S)
        if "worker" in self._roles:
            await self._start_worker(stack, connection)
        if alone:
            return
        if owner is not None:
            _background(stack, _keep_partitions(owner))
        size = self._settings.database_connections
        storage = await open_storage(self._settings.database_url, self._name, size=size)
        stack.push_async_callback(storage.close)
        hints = await _hints(connection)
        keys = await unlock(storage, self._settings)
        end_listening = await hints.listen(f"{KEYS_TOPIC}.*", lambda _: keys.forget())
        stack.push_async_callback(end_listening)
        if self._roles & {"api", "engine"}:
            await self._start_runtime(stack, storage, connection, hints, keys, owner)
        if "projector" in self._roles:
            await self._start_projector(stack, storage, hints, owner)

    async def _start_runtime(
        self,
        stack: AsyncExitStack,
        storage: PostgresStorage,
        connection: NatsConnection,
        hints: Hints,
        keys: KeyChain,
        owner: str | None,
    ) -> None:
        pool = JqPool(self._settings.expression_workers)
        await pool.start()
        stack.push_async_callback(pool.close)
        intake = Intake(storage.streams, hints)
        stack.push_async_callback(intake.close)
        if "api" in self._roles:
            await self._start_api(stack, storage, connection, hints, keys, intake, pool, owner)
        if "engine" in self._roles:
            ports = await self._engine_ports(stack, storage, connection, hints, keys, pool)
            node = EngineNode(self._name, ports, self._engine_settings())
            await node.start()
            stack.push_async_callback(node.stop)
            self._finishing.append(lambda: node.finish_actions(FINISH_S))
            stack.callback(watch_engine(lambda: msgspec.structs.asdict(node.counters)))
            await self._take_from_bus(stack, connection, intake, storage)

    async def _engine_ports(
        self,
        stack: AsyncExitStack,
        storage: PostgresStorage,
        connection: NatsConnection,
        hints: Hints,
        keys: KeyChain,
        pool: JqPool,
    ) -> EnginePorts:
        client = HttpClient(self._egress)
        await client.open()
        stack.push_async_callback(client.close)
        work = WorkHandler(connection)
        await work.start()
        public_url = self._settings.public_url or self.http_url
        publisher = NatsPublisher(connection, prefix=self._settings.events_out)
        await publisher.start()
        return EnginePorts(
            log=storage.log,
            inbox=storage.inbox,
            imports=storage.imports,
            leases=storage.leases,
            indexes=storage.indexes,
            streams=storage.streams,
            definitions=storage.definitions,
            readers=storage.readers,
            breakpoints=storage.breakpoints,
            evaluator=pool,
            handlers={
                "http": HttpHandler(client, public_url),
                "openapi": OpenApiHandler(client, public_url),
                "python": work,
            },
            hints=hints,
            publisher=publisher,
            secrets=EnvSecrets(),
            compile=_compile,
            callback_secret=storage.installation.callback_secret,
            keys=keys,
        )

    def _engine_settings(self) -> EngineSettings:
        ttl_ms = self._settings.lease_ttl_ms
        return EngineSettings(lease_ttl_ms=ttl_ms, lease_margin_ms=ttl_ms // 5)

    async def _take_from_bus(
        self,
        stack: AsyncExitStack,
        connection: NatsConnection,
        intake: Intake,
        storage: PostgresStorage,
    ) -> None:
        source = NatsSource(connection, prefix=self._settings.events_in)
        await source.start()
        _background(stack, BusIntake(source, intake, storage.streams).run())

    async def _start_api(
        self,
        stack: AsyncExitStack,
        storage: PostgresStorage,
        connection: NatsConnection,
        hints: Hints,
        keys: KeyChain,
        intake: Intake,
        pool: JqPool,
        owner: str | None,
    ) -> None:
        services = Services(
            log=storage.log,
            inbox=storage.inbox,
            imports=storage.imports,
            leases=storage.leases,
            streams=storage.streams,
            definitions=storage.definitions,
            audit=storage.audit,
            survey=storage.survey,
            hints=hints,
            intake=intake,
            executions=await self._read_store(stack, owner, "read"),
            installation=storage.installation,
            evidence=storage.evidence,
            keys=storage.keys,
            key_office=keys,
            erasures=storage.erasures,
            catalog=storage.catalog,
            breakpoints=storage.breakpoints,
            programs=ProgramCache(storage.definitions, _compile, _API_PROGRAMS),
            impact=ImpactWorkers(storage.database, self._settings.master_key_file),
            listens=WorkProbe(connection).listens,
            check_expressions=pool.check,
            evaluate=pool.evaluate,
            secrets=EnvSecrets(),
            keyring=self._keyring,
            limits=_limits_of(self._settings),
            checks=_checks(storage, connection),
        )
        listener = Listener(services, *self._settings.http_address)
        await listener.start()
        stack.push_async_callback(listener.stop)
        self._listener = listener

    async def _read_store(
        self, stack: AsyncExitStack, owner: str | None, purpose: str
    ) -> ReadStore:
        address = owner or self._settings.database_url
        database = await open_database(
            address, f"{self._name}/{purpose}", size=4, as_engine=owner is None
        )
        stack.push_async_callback(database.close)
        store = ReadStore(ReadDatabase(database))
        if owner is None:
            await wait_for(store.join, "the read tables")
        else:
            await store.open()
        return store

    async def _start_projector(
        self, stack: AsyncExitStack, storage: PostgresStorage, hints: Hints, owner: str | None
    ) -> None:
        if owner is None:
            raise BadSetting(
                "the projector writes the read tables: set REFOLD_DATABASE_OWNER_URL to their owner"
            )
        store = await self._read_store(stack, owner, "projector")
        projector = Projector(storage.log, store)
        stack.push_async_callback(await hints.listen("log.*", projector.wake))
        _background(stack, projector.run())

    async def _start_worker(self, stack: AsyncExitStack, connection: NatsConnection) -> None:
        worker = Worker(connection, self._functions)
        await worker.start()
        stack.push_async_callback(worker.stop)
        self._finishing.append(lambda: worker.stop(FINISH_S))


def _compile(row: DefinitionRow) -> Program:
    return program_of(row.source, row.media_type, row.resources)


async def _hints(connection: NatsConnection) -> Hints:
    others = NatsHints(connection)
    await others.start()
    return CombinedHints(MemoryHints(), others)


def _background(stack: AsyncExitStack, work: Any) -> None:
    """Run until the stack is closed."""
    task = asyncio.ensure_future(work)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)


async def _keep_partitions(owner: str) -> None:
    """Partitions are made months ahead; a failure is tried again long before it matters."""
    while True:
        await asyncio.sleep(_PARTITIONS_EVERY_S)
        try:
            await ensure_partitions(owner)
        except RefoldError as error:
            _log.warning("partitions were not made ahead: %s", error.message)


def _checks(
    storage: PostgresStorage, connection: NatsConnection
) -> dict[str, Callable[[], Awaitable[None]]]:
    async def postgres() -> None:
        await storage.leases.now_ms()

    async def nats() -> None:
        await connection.connected(1.0)

    return {"postgres": postgres, "nats": nats}


def _limits_of(settings: Settings) -> ApiLimits:
    size = settings.max_body_bytes
    return ApiLimits(
        max_body_bytes=size,
        max_connections=settings.max_connections,
        max_streams=settings.max_streams,
        cloudevents=CloudEventLimits(max_batch_bytes=size),
    )


def _keyring_of(settings: Settings) -> Keyring:
    path = settings.api_keys_path
    return Keyring() if path is None else read_key_file(path)


def _egress_of(settings: Settings, *, local: bool) -> EgressPolicy:
    allowed = [entry for entry in settings.egress_allow.split(",") if entry.strip()]
    try:
        return EgressPolicy([*allowed, *(["loopback"] if local else [])])
    except ValueError as error:
        raise BadSetting(str(error)) from None


def _unique_name(given: str) -> str:
    """A name, process and chance: no two engines that ever live at once share it."""
    name = given or socket.gethostname().partition(".")[0][:24] or "engine"
    return f"{name}-{os.getpid()}-{os.urandom(3).hex()}"
