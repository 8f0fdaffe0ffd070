"""W1: many executions at once, each of ten steps. `python -m bench.w1 DSN` prints one JSON line."""

import asyncio
import json
import sys

from bench.engine_room import EngineRoom, open_room
from bench.meter import Meter, load
from server.hosting import collect_rarely

EXECUTIONS = 1_000
STEPS = 10


async def measure(room: EngineRoom, postgres: int, label: str) -> dict[str, object]:
    """One run."""
    row = await room.apply(STEPS)
    before = room.node.counters
    with Meter(postgres=postgres) as meter:
        await asyncio.gather(*(room.run(row, f"{label}-{n}") for n in range(EXECUTIONS)))
    after = room.node.counters
    steps = EXECUTIONS * STEPS
    return {
        "bench": "W1",
        "steps_per_s": round(steps / meter.wall_s),
        "events_per_s": round((after.events - before.events) / meter.wall_s),
        "events_per_commit": round(
            (after.events - before.events) / (after.commits - before.commits)
        ),
        "engine_us_per_step": round(meter.cpu_s["engine"] / steps * 1e6, 1),
        "postgres_us_per_step": round(meter.cpu_s["postgres"] / steps * 1e6, 1),
        "load": load(),
    }


async def main(dsn: str, postgres: int, label: str) -> None:
    """Warm up, then one run."""
    room = await open_room(dsn)
    collect_rarely()
    warm = await room.apply(2)
    await asyncio.gather(*(room.run(warm, f"{label}-warm-{n}") for n in range(100)))
    print(json.dumps(await measure(room, postgres, label)), flush=True)
    await room.close()


if __name__ == "__main__":
    try:
        import uvloop

        run = uvloop.run
    except ImportError:
        run = asyncio.run
    run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
