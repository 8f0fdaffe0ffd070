"""Where a step's time goes: shares of W1's processor time by room of the house.

`python -m bench.profile DSN PID LABEL` prints one JSON line. The profiler makes calls look dearer
than they are, so these are shares, not times.
"""

import asyncio
import cProfile
import json
import pstats
import sys
from collections import Counter

from bench.engine_room import open_room
from bench.w1 import measure

_ROOMS = (
    ("engine/core/chain", "chain: digests and hashes"),
    ("engine/core", "core: decide and evolve"),
    ("engine/ports", "rows and commit records"),
    ("engine/expr", "expressions and size checks"),
    ("schemas", "encoding of event bodies"),
    ("engine/runtime", "runtime: cycle, dispatch, leases"),
    ("engine/adapters", "adapter of Postgres"),
    ("asyncpg", "asyncpg"),
    ("asyncio", "event loop and tasks"),
    ("uvloop", "event loop and tasks"),
    ("engine/model", "core: decide and evolve"),
    ("bench", "the benchmark itself"),
)
_BUILTINS = (
    ("hashlib", "chain: digests and hashes"),
    ("HASH", "chain: digests and hashes"),
    ("msgspec", "encoding of event bodies"),
    ("epoll", "waiting"),
    ("socket", "asyncpg"),
    ("asyncio", "event loop and tasks"),
)


def room_of(file: str, function: str) -> str:
    """Where a function's own time belongs."""
    for part, name in _ROOMS if file != "~" else ():
        if part in file:
            return name
    for part, name in _BUILTINS:
        if part in function:
            return name
    return "the interpreter's own functions"


async def main(dsn: str, postgres: int, label: str) -> None:
    """One profiled run."""
    room = await open_room(dsn)
    profiler = cProfile.Profile()
    profiler.enable()
    await measure(room, postgres, label)
    profiler.disable()
    await room.close()
    shares: Counter[str] = Counter()
    for (file, _, function), (_, _, own, _, _) in pstats.Stats(profiler).stats.items():  # type: ignore[attr-defined]
        shares[room_of(file, function)] += own
    del shares["waiting"]
    total = sum(shares.values())
    percent = {name: round(100 * own / total, 1) for name, own in shares.most_common()}
    print(json.dumps({"bench": "profile", "percent": percent}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
