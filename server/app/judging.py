"""Definitions judged without a server: libjq is asked about expressions that only it can read."""

import asyncio

from engine.adapters.jq.pool import JqPool
from engine.dialects.cncf_v08 import Reading


def judged(reading: Reading) -> Reading:
    """The reading with libjq's word on the expressions that are left to it."""
    sources = [source for _, source in reading.expressions]
    if not sources:
        return reading
    verdicts = asyncio.run(_verdicts(sources))
    refused = {s: verdict for s, verdict in zip(sources, verdicts, strict=True) if verdict}
    return reading.judged(refused)


async def _verdicts(sources: list[str]) -> list[str | None]:
    pool = JqPool(1)
    await pool.start()
    try:
        return await pool.check(sources)
    finally:
        await pool.close()
