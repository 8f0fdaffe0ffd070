"""A memory storage behind doors that seal and open, for tests."""

from typing import Any

from engine.adapters.crypto.doors import SealingInbox, SealingStreams
from engine.adapters.crypto.keychain import KeyChain
from engine.adapters.crypto.log import OpeningLog
from engine.adapters.crypto.masters import MasterKeys
from engine.adapters.memory.storage import MemoryStorage
from engine.ports.audit import Deed
from tests.runtime_harness import NAMESPACE

MASTERS = MasterKeys([("one", b"1" * 32)])
SWITCH = Deed(NAMESPACE, "tester", "encryption.set", NAMESPACE)


class SealedStorage:
    """The doors of one engine; `plain` is what lies behind them."""

    def __init__(self, plain: MemoryStorage, masters: MasterKeys | None = MASTERS) -> None:
        self.plain = plain
        self.keychain = KeyChain(plain.keys, masters)
        self.log = OpeningLog(plain.log, self.keychain)
        self.inbox = SealingInbox(plain.inbox, self.keychain)
        self.streams = SealingStreams(plain.streams, self.keychain)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)

    async def switch(self, mode: Any, namespace: str = NAMESPACE) -> None:
        key_id, wrapped = self.keychain.fresh()
        await self.plain.keys.set_encryption(namespace, mode, key_id, wrapped, SWITCH)
        self.keychain.forget()
