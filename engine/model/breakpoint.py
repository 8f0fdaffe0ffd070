"""A breakpoint as the core needs it: which state, when, of how many executions."""

import hashlib
from uuid import UUID

import msgspec

from engine.model.ids import format_execution


class Breakpoint(msgspec.Struct, frozen=True, gc=False):
    """Holds executions that are about to enter the state with this name. `id`: `bp_...`;
    `condition`: an expression on the data that the state would get, None: always. `share` of the
    executions (0..1] are looked at, the same ones every time. `release_at` (ms since 1970): when
    what it holds is let go, None: when somebody does. `reason`: why it was set."""

    id: str
    state: str
    condition: str | None = None
    share: float = 1.0
    release_at: int | None = None
    reason: str = ""

    def samples(self, execution_id: UUID) -> bool:
        """Whether the execution is one of its share: a fact of the two ids, not of chance."""
        if self.share >= 1.0:
            return True
        text = f"{self.id}\0{format_execution(execution_id)}".encode()
        return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") < self.share * 2**64


class BreakpointRemark(msgspec.Struct, frozen=True, gc=False):
    """The condition of a breakpoint had no boolean value, and so held nothing."""

    breakpoint: str
    message: str
