"""Keys of an installation: read from their file, tried, and put into the doors to the storage."""

from collections.abc import AsyncIterator

from engine.adapters.crypto.doors import SealingImports, SealingInbox, SealingStreams
from engine.adapters.crypto.evidence import OpeningEvidence
from engine.adapters.crypto.keychain import KeyChain
from engine.adapters.crypto.log import OpeningLog
from engine.adapters.crypto.masters import MasterKeys, read_master_keys
from engine.adapters.postgres.keys import PostgresKeys
from engine.adapters.postgres.pool import Database, open_database
from engine.adapters.postgres.storage import PostgresStorage
from engine.model.errors import KeyMissing
from engine.ports.keys import KeyRow
from server.app.deeds import record
from server.settings import BadSetting, Settings

_PAGE = 1_000
KEYS_TOPIC = "keys"
"""Hints on `keys.NAMESPACE` say that something was erased or switched there."""


def master_keys(settings: Settings) -> MasterKeys | None:
    """The master keys, if there is a file of them. Raises BadMasterKeys."""
    path = settings.master_key_path
    return None if path is None else read_master_keys(path)


async def keychain_of(database: Database, settings: Settings) -> KeyChain:
    """The keys of a database, tried. Raises BadMasterKeys, BadSetting, Unavailable."""
    keys = KeyChain(PostgresKeys(database), master_keys(settings))
    try:
        await keys.try_all_namespaces()
    except KeyMissing as error:
        raise BadSetting(error.message) from None
    return keys


async def unlock(storage: PostgresStorage, settings: Settings) -> KeyChain:
    """Put doors that seal and open before log, inbox, imports, streams and evidence. A server
    that could not read what its namespaces hold does not start: see `keychain_of`."""
    keys = await keychain_of(storage.database, settings)
    storage.log = OpeningLog(storage.log, keys)
    storage.inbox = SealingInbox(storage.inbox, keys)
    storage.imports = SealingImports(storage.imports, keys)
    storage.streams = SealingStreams(storage.streams, keys)
    storage.evidence = OpeningEvidence(storage.evidence, keys)
    return keys


async def rewrap_keys(settings: Settings, reason: str = "") -> tuple[int, str]:
    """Wrap every living key with the first master key; how many that were not, and its name. Keys
    of namespaces come last: while one is left, a server without the old master key refuses to
    start. Raises BadSetting, BadMasterKeys, KeyMissing, Unavailable."""
    masters = master_keys(settings)
    if masters is None or not settings.database_url:
        raise BadSetting("set REFOLD_MASTER_KEY_FILE and REFOLD_DATABASE_URL")
    database = await open_database(settings.database_url, "rewrap", size=2)
    try:
        store = PostgresKeys(database)
        count = 0
        for own in (False, True):
            async for row in _living(store):
                if (row.kind == "namespace") == own:
                    count += await _rewrap(store, masters, row)
        told = {"keys": count}
        await record(database, "keys.rewrapped", f"master key {masters.names[0]}", reason, told)
        return count, masters.names[0]
    finally:
        await database.close()


async def _living(store: PostgresKeys) -> AsyncIterator[KeyRow]:
    after = ""
    while rows := await store.page(after, _PAGE):
        for row in rows:
            yield row
        after = rows[-1].key_id


async def _rewrap(store: PostgresKeys, masters: MasterKeys, row: KeyRow) -> bool:
    before = row.wrapped
    if before is None or masters.is_wrapped_by_first(row.key_id, before):
        return False
    after = masters.wrap(row.key_id, masters.unwrap(row.key_id, before))
    return await store.rewrap(row.key_id, before, after)
