"""The board: one line for each execution, its log growing behind it."""

import asyncio
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from server.demo.client import Client

_COLOURS = {"completed": "green", "failed": "red", "running": "yellow", "waiting": "cyan"}
_OTHER_COLUMNS = 57
_EVENT_COLUMNS = 32
"""About as wide as an event in the last column, and as all other columns."""


class Board:
    """Follows executions and draws them. `rows`: id -> (status, events so far)."""

    def __init__(self, client: Client, console: Console) -> None:
        self._client = client
        self._console = console
        self.headline = ""
        self.executions: dict[str, dict[str, Any]] = {}
        self.events: dict[str, list[dict[str, Any]]] = {}

    async def refresh(self) -> None:
        """Ask for what is new."""
        page = await self._client.get("/executions", limit=50)
        for item in page["items"]:
            known = self.events.setdefault(item["id"], [])
            after = known[-1]["seq"] if known else 0
            fresh = await self._client.get(f"/executions/{item['id']}/events", after=after)
            known += fresh["items"]
            if fresh["items"] or item["id"] not in self.executions:
                self.executions[item["id"]] = await self._client.get(f"/executions/{item['id']}")

    def of(self, workflow: str) -> list[dict[str, Any]]:
        """Executions of a workflow."""
        return [one for one in self.executions.values() if one["workflow"] == workflow]

    def draw(self) -> Table:
        """The table as it stands."""
        table = Table(title=self.headline, title_justify="left", expand=True)
        table.add_column("execution", no_wrap=True)
        table.add_column("workflow", no_wrap=True)
        table.add_column("status", no_wrap=True)
        table.add_column("events", justify="right")
        table.add_column("the end of its log", ratio=1, no_wrap=True)
        shown = max(1, (self._console.width - _OTHER_COLUMNS) // _EVENT_COLUMNS)
        for name in sorted(self.executions):
            one = self.executions[name]
            colour = _COLOURS.get(one["status"], "white")
            last = " → ".join(
                f"{event['type']}" + (f" [dim]{event['name']}[/]" if event.get("name") else "")
                for event in self.events[name][-shown:]
            )
            status = f"[{colour}]{one['status']}[/]"
            count = str(len(self.events[name]))
            table.add_row("…" + name[-8:], one["workflow"] or "", status, count, last)
        return table

    async def until(self, headline: str, done: Callable[[], bool], within_s: float = 60) -> None:
        """Draw until the condition holds. Raises TimeoutError."""
        self.headline = headline
        await self._follow(done, within_s)
        if not self._console.is_terminal:
            self._console.print()  # a last picture that nothing overwrites ends without a newline

    async def _follow(self, done: Callable[[], bool], within_s: float) -> None:
        with Live(self.draw(), console=self._console, refresh_per_second=8) as live:
            async with asyncio.timeout(within_s):
                while True:
                    await self.refresh()
                    live.update(self.draw())
                    if done():
                        return
                    await asyncio.sleep(0.1)
