"""Programs by definition hash: compiled once, the least used ones forgotten."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping

import msgspec

from engine.model.program import Program
from engine.ports.rows import DefinitionRow
from engine.ports.storage import Definitions


class Loaded(msgspec.Struct, frozen=True):
    """A program with the documents that its definition names, by URI."""

    program: Program
    resources: Mapping[str, bytes]


class ProgramCache:
    """At most `limit` programs."""

    def __init__(
        self, definitions: Definitions, compiler: Callable[[DefinitionRow], Program], limit: int
    ) -> None:
        self._definitions = definitions
        self._compile = compiler
        self._limit = limit
        self._cache: OrderedDict[tuple[str, str], Loaded] = OrderedDict()
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}

    def cached(self, namespace: str, definition_hash: str) -> Loaded | None:
        """The program if it is in memory."""
        loaded = self._cache.get((namespace, definition_hash))
        if loaded is not None:
            self._cache.move_to_end((namespace, definition_hash))
        return loaded

    async def get(self, namespace: str, definition_hash: str) -> Loaded:
        """The program. Raises NotFound, Unavailable, and what the compiler raises."""
        loaded = self.cached(namespace, definition_hash)
        if loaded is not None:
            return loaded
        key = (namespace, definition_hash)
        lock = self._locks.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                return self.cached(*key) or await self._load(key)
        finally:
            self._locks.pop(key, None)

    async def _load(self, key: tuple[str, str]) -> Loaded:
        row = await self._definitions.by_hash(*key)
        loaded = Loaded(self._compile(row), row.resources)
        self._cache[key] = loaded
        while len(self._cache) > self._limit:
            self._cache.popitem(last=False)
        return loaded
