"""Everything that one engine needs of Postgres, over one pool."""

from engine.adapters.postgres.audit import PostgresAudit
from engine.adapters.postgres.breakpoints import PostgresBreakpoints
from engine.adapters.postgres.catalog import PostgresCatalog
from engine.adapters.postgres.definitions import PostgresDefinitions
from engine.adapters.postgres.erasures import PostgresErasures
from engine.adapters.postgres.evidence import PostgresEvidence
from engine.adapters.postgres.imports import PostgresImports
from engine.adapters.postgres.inbox import PostgresInbox
from engine.adapters.postgres.indexes import PostgresIndexes
from engine.adapters.postgres.keys import PostgresKeys
from engine.adapters.postgres.leases import PostgresLeases
from engine.adapters.postgres.log import PostgresLog
from engine.adapters.postgres.pool import Database, open_database
from engine.adapters.postgres.readers import PostgresReaders
from engine.adapters.postgres.streams import PostgresStreams
from engine.adapters.postgres.survey import PostgresSurvey
from engine.ports.evidence import Evidence
from engine.ports.imports import Imports
from engine.ports.rows import Installation
from engine.ports.storage import Inbox, Log, Streams


class PostgresStorage:
    """The storage ports of one engine, and the installation they belong to. Log, inbox, imports,
    streams and evidence may be replaced by doors to them that seal and open."""

    def __init__(self, database: Database, installation: Installation) -> None:
        self.database = database
        self.installation = installation
        self.log: Log = PostgresLog(database)
        self.inbox: Inbox = PostgresInbox(database)
        self.imports: Imports = PostgresImports(database)
        self.leases = PostgresLeases(database)
        self.indexes = PostgresIndexes(database)
        self.streams: Streams = PostgresStreams(database, installation.shards)
        self.definitions = PostgresDefinitions(database, installation.shards)
        self.readers = PostgresReaders(database)
        self.catalog = PostgresCatalog(database)
        self.breakpoints = PostgresBreakpoints(database)
        self.audit = PostgresAudit(database)
        self.survey = PostgresSurvey(database)
        self.evidence: Evidence = PostgresEvidence(database)
        self.keys = PostgresKeys(database)
        self.erasures = PostgresErasures(database)

    async def close(self) -> None:
        """Close all sessions."""
        await self.database.close()


async def open_storage(dsn: str, engine: str, *, size: int = 8) -> PostgresStorage:
    """Open the storage of a migrated database for one run of an engine, whose name its sessions
    bear. `size`: at most so many sessions. Raises Unavailable."""
    database = await open_database(dsn, engine, size=size)
    try:
        installation = await PostgresCatalog(database).installation()
    except BaseException:
        await database.close()
        raise
    return PostgresStorage(database, installation)
