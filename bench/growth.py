"""Growth: what a step costs at the beginning and at the end of one long execution.

`python -m bench.growth DSN` loops one execution through 2,500 rounds of an action and a switch and
compares the first and the last tenth of its events.
"""

import asyncio
import json
import sys
from uuid import UUID

from bench.engine_room import EngineRoom, definition_row, open_room
from bench.meter import load

ROUNDS = 2_500
_LOOP = {
    "id": "bench-loop",
    "version": "1",
    "specVersion": "0.8",
    "start": "Act",
    "functions": [
        {"name": "noop", "type": "custom", "operation": "python:noop:noop"},
        {"name": "count", "type": "expression", "operation": "{n: (.n + 1)}"},
    ],
    "states": [
        {
            "name": "Act",
            "type": "operation",
            "actions": [
                {"name": "noop", "functionRef": {"refName": "noop"}},
                {"name": "count", "functionRef": {"refName": "count"}},
            ],
            "transition": "Again",
        },
        {
            "name": "Again",
            "type": "switch",
            "dataConditions": [{"condition": f"${{ .n < {ROUNDS} }}", "transition": "Act"}],
            "defaultCondition": {"end": True},
        },
    ],
}


async def measure(room: EngineRoom, label: str) -> dict[str, object]:
    """Time per event in the first and in the last tenth of the log."""
    row = definition_row(json.dumps(_LOOP))
    await room.storage.definitions.apply(row, [], None)
    execution = await room.run(row, label, {"n": 0})
    times = await _times(room, execution)
    tenth = len(times) // 10
    first, last = times[tenth] - times[0], times[-1] - times[-1 - tenth]
    return {
        "bench": "growth",
        "events": len(times),
        "first_tenth_us_per_event": round(first / tenth * 1e3),
        "last_tenth_us_per_event": round(last / tenth * 1e3),
        "load": load(),
    }


async def _times(room: EngineRoom, execution: UUID) -> list[int]:
    """When each event happened, in ms."""
    times: list[int] = []
    while True:
        rows = await room.storage.log.read_execution(execution, after=len(times))
        if not rows:
            return times
        times += [row.at for row in rows]


async def main(dsn: str, label: str) -> None:
    """One run."""
    room = await open_room(dsn)
    print(json.dumps(await measure(room, label)), flush=True)
    await room.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[3]))
