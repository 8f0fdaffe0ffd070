"""Functions of the crash tests: every call leaves two lines in a journal, begun and ended."""

import asyncio
import json
import os
import time


def _note(word: str, op: str) -> None:
    line = json.dumps({"word": word, "op": op, "at": time.time()}) + "\n"
    # One write to a file opened for append: lines of several workers do not mix.
    file = os.open(os.environ["CRASH_JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


async def work(arguments: dict) -> dict:
    """Take a little while, differently long for each call."""
    op = arguments["op"]
    _note("begun", op)
    await asyncio.sleep(0.05 + sum(op.encode()) % 16 / 40)
    _note("ended", op)
    return {"worked": op}
