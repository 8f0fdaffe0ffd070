"""All storage twins over one store, with the attributes of their counterpart in Postgres."""

from engine.adapters.memory.audit import MemoryAudit
from engine.adapters.memory.breakpoints import MemoryBreakpoints
from engine.adapters.memory.catalog import MemoryCatalog
from engine.adapters.memory.definitions import MemoryDefinitions
from engine.adapters.memory.erasures import MemoryErasures
from engine.adapters.memory.evidence import MemoryEvidence
from engine.adapters.memory.imports import MemoryImports
from engine.adapters.memory.inbox import MemoryInbox
from engine.adapters.memory.indexes import MemoryIndexes
from engine.adapters.memory.keys import MemoryKeys
from engine.adapters.memory.leases import MemoryLeases
from engine.adapters.memory.log import MemoryLog
from engine.adapters.memory.readers import MemoryReaders
from engine.adapters.memory.store import MemoryStore
from engine.adapters.memory.streams import MemoryStreams
from engine.adapters.memory.survey import MemorySurvey


class MemoryStorage:
    """The storage ports over one store; several of them over the same one are several engines."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore()
        self.installation = self.store.installation
        self.log = MemoryLog(self.store)
        self.inbox = MemoryInbox(self.store)
        self.imports = MemoryImports(self.store)
        self.leases = MemoryLeases(self.store)
        self.indexes = MemoryIndexes(self.store)
        self.streams = MemoryStreams(self.store)
        self.definitions = MemoryDefinitions(self.store)
        self.readers = MemoryReaders(self.store)
        self.catalog = MemoryCatalog(self.store)
        self.breakpoints = MemoryBreakpoints(self.store)
        self.audit = MemoryAudit(self.store)
        self.survey = MemorySurvey(self.store)
        self.evidence = MemoryEvidence(self.store)
        self.keys = MemoryKeys(self.store)
        self.erasures = MemoryErasures(self.store)

    async def close(self) -> None:
        """Nothing to close."""
