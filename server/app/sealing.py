"""Keys of an installation: read from their file, tried, and put into the doors to the storage."""

from engine.adapters.crypto.doors import SealingInbox, SealingStreams
from engine.adapters.crypto.evidence import OpeningEvidence
from engine.adapters.crypto.keychain import KeyChain
from engine.adapters.crypto.log import OpeningLog
from engine.adapters.crypto.masters import MasterKeys, read_master_keys
from engine.adapters.postgres.keys import PostgresKeys
from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.storage import PostgresStorage
from engine.model.errors import KeyMissing
from server.settings import BadSetting, Settings

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
    """Put doors that seal and open before log, inbox, streams and evidence of the storage. A server
    that could not read what its namespaces hold does not start: see `keychain_of`."""
    keys = await keychain_of(storage.database, settings)
    storage.log = OpeningLog(storage.log, keys)
    storage.inbox = SealingInbox(storage.inbox, keys)
    storage.streams = SealingStreams(storage.streams, keys)
    storage.evidence = OpeningEvidence(storage.evidence, keys)
    return keys
