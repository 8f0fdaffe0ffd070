"""What encryption costs an event: `python -m bench.sealing [--events N]`.

Printed are microseconds of processor time to make the row of an event with about 280 bytes of data
(encoding, digest, chain), in the clear and sealed, and to get its body back; and the time that a
start waits for its key in a Postgres of its own, alone and in rounds of 500. Medians of eleven.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from engine.adapters.crypto.cipher import AeadCipher
from engine.adapters.crypto.keychain import KeyChain
from engine.adapters.crypto.masters import MasterKeys
from engine.adapters.memory.store import MemoryStore
from engine.adapters.postgres.migrate import migrate
from engine.adapters.postgres.storage import open_storage
from engine.model.event import Event
from engine.ports.audit import Deed
from engine.ports.codec import body_of, opened, row_of
from engine.ports.keys import Cipher, KeyWanted
from engine.ports.rows import EventRow
from schemas.events.bodies import ActionCompleted
from server.embedded import EmbeddedPostgres
from server.embedded.throwaway import open_to_enter

ROUNDS = 11
BODY = ActionCompleted(action=4, result={"customer": "c" * 180, "action": "charge" * 8})


def rows(events: list[Event], cipher: Cipher | None) -> list[EventRow]:
    """The rows of one execution's events."""
    execution_id, previous, made = MemoryStore(shards=4).mint(3), b"", list[EventRow]()
    for event in events:
        row = row_of(
            event, execution_id, shard=3, position=event.seq, namespace="default", epoch=1,
            salt=os.urandom(16), previous_hash=previous, cipher=cipher,
        )  # fmt: skip
        previous = row.hash
        made.append(row)
    return made


def measured(name: str, count: int, work: Callable[[], object]) -> None:
    """One line."""
    seconds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    print(f"{name:34} {statistics.median(seconds) / count * 1e6:7.1f} µs an event")


async def claimed(folder: Path) -> None:
    """What a start waits for its key, and one in the clear for the answer that it needs none."""
    async with EmbeddedPostgres(folder) as postgres:
        await migrate(postgres.url)
        storage = await open_storage(postgres.url, "bench")
        keys = KeyChain(storage.keys, MasterKeys([("bench", os.urandom(32))]))
        deed = Deed("default", "bench", "encryption.set", "default")
        await storage.keys.set_encryption("default", "execution", *keys.fresh(), deed)
        for count, namespace in ((1, "other"), (1, "default"), (500, "default")):
            seconds = []
            for _ in range(ROUNDS):
                ids = await storage.inbox.mint(3, count)
                wanted = [KeyWanted(one, namespace) for one in ids]
                began = time.perf_counter()
                await keys.begin(wanted)
                seconds.append(time.perf_counter() - began)
            name = f"{count} in a round, " + (
                "sealed" if namespace == "default" else "in the clear"
            )
            print(f"{name:34} {statistics.median(seconds) / count * 1e6:7.0f} µs a start")
        await storage.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=5_000)
    count = parser.parse_args().events
    events = [
        Event(seq=seq, at=1_700_000_000_000, body=BODY, name="Charge")
        for seq in range(1, count + 1)
    ]
    cipher = AeadCipher("key_0123456789abcdef01234567", os.urandom(32))
    plain, sealed = rows(events, None), rows(events, cipher)
    measured("write, in the clear", count, lambda: rows(events, None))
    measured("write, sealed", count, lambda: rows(events, cipher))
    measured("read, in the clear", count, lambda: [body_of(row) for row in plain])
    measured(
        "read, sealed", count,
        lambda: [body_of(opened(replace(row), cipher)) for row in sealed],
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(claimed(open_to_enter(Path(folder)) / "data"))
    size = (len(plain[0].data), len(sealed[0].data))
    print(f"{'data of a row':34} {size[0]:7} bytes in the clear, {size[1]} sealed")


if __name__ == "__main__":
    main()
