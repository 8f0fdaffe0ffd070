"""Following the log of an execution over SSE, across breaks of the connection."""

import http.client
import time
from collections.abc import Iterator
from typing import Any

from schemas.json_text import loads
from server.cli.client import Client, Unreachable
from server.cli.faults import ERROR, CommandFault
from server.cli.output import write_error

RETRY_DELAYS_S = (0.5, 1.0, 2.0, 4.0)
"""Waits before each try to connect again; counted anew after every event."""

_DATA = b"data: "
_END = b"event: end"


def follow(client: Client, path: str, after: int) -> Iterator[Any]:
    """Events with a larger seq than `after`, as they are committed, until the stream says that the
    execution has ended. A broken connection is made again behind the last event seen. Raises
    CommandFault where the server does not come back."""
    failures, seen = 0, False
    while True:
        try:
            for line in _lines(client, path, after):
                seen = True
                if line.rstrip() == _END:
                    return
                if line.startswith(_DATA):
                    event = loads(line[len(_DATA) :])
                    failures, after = 0, event["seq"]
                    yield event
        except (Unreachable, OSError, http.client.HTTPException):
            if not seen:
                raise  # there was no live view yet that could have broken
        if failures == len(RETRY_DELAYS_S):
            raise CommandFault(
                f"the live view broke off behind event {after} and the server does not answer;"
                f" when it runs again, go on with `refold exec watch --after {after}`",
                ERROR,
            )
        if failures == 0:
            write_error(f"refold: the live view broke off behind event {after}; connecting again")
        time.sleep(RETRY_DELAYS_S[failures])
        failures += 1


def _lines(client: Client, path: str, after: int) -> Iterator[bytes]:
    """Whole lines of one connection; a line that was cut off is none."""
    for line in client.stream(path, headers={"Last-Event-ID": str(after)}):
        if not line.endswith(b"\n"):
            return
        yield line
