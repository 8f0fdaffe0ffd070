"""What the lanes of an engine share beyond the context."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.runtime.breakpoints import BreakpointWatch
from engine.runtime.notices import Notices
from engine.runtime.outbox import Outbox
from engine.runtime.owned import OwnedShard


@dataclass(frozen=True)
class NodeParts:
    """`fenced` is told of a shard that turned out not to be ours."""

    notices: Notices
    outbox: Outbox
    breakpoints: BreakpointWatch
    fenced: Callable[[OwnedShard], None]
