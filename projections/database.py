"""What the read side needs of a database. The composition root gives it one."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

Row = Mapping[str, Any]


class Connection(Protocol):
    """What is asked of a database connection."""

    async def execute(self, query: str, *args: Any) -> Any:
        """Run a statement, or a script without arguments."""

    async def fetch(self, query: str, *args: Any) -> Sequence[Row]:
        """All rows."""

    async def fetchval(self, query: str, *args: Any) -> Any:
        """The first value of the first row."""

    def transaction(self) -> AbstractAsyncContextManager[Any]:
        """A transaction."""


class Database(Protocol):
    """Gives connections."""

    def acquire(self) -> AbstractAsyncContextManager[Connection]:
        """A connection for the time of the context."""
