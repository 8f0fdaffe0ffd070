"""Entry of `make demo`."""

import asyncio
import sys
import time
from pathlib import Path

from rich.console import Console

from server.demo.client import Client
from server.demo.stage import Stage
from server.demo.story import tell
from server.embedded.throwaway import throwaway_folder


async def main() -> int:
    """Tell the story; 0 when all of it happened."""
    console = Console()
    examples = Path(__file__).parents[2] / "examples"
    began = time.monotonic()
    with throwaway_folder("refold-demo-") as folder:
        async with Stage(folder, examples / "functions") as stage:
            try:
                async with Client(stage.url) as client:
                    await client.ready()
                    await tell(stage, client, console, examples)
            except BaseException:
                console.print(stage.logs())
                raise
    console.print(f"  done in {time.monotonic() - began:.0f} s, nothing is left running")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
