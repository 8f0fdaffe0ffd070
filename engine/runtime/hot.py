"""An execution in memory, and the commands that wait for it."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from engine.model.command import Circumstance, Command
from engine.model.evaluation import EvalAnswer, EvalRequest
from engine.model.state import ExecutionState
from engine.ports.keys import Cipher
from engine.ports.snapshots import Keeping
from engine.runtime.owned import OwnedShard
from engine.runtime.prefix import CopyPrefix, Origin
from engine.runtime.programs import Loaded
from schemas.events.parts import Asked


@dataclass(slots=True)
class Mail:
    """A command for an execution (None: only its inbox rows are to be taken). `taken`: inbox rows
    (shard, id) deleted by the append that carries its outcome. `done` is called once that append
    has committed, also if the core refused the command. `refused`: the core rejected it.
    `circumstance` is fixed at the first try, `answers` grow until the expressions that the step
    needs are all there."""

    command: Command | CopyPrefix | None
    actor: str = "engine"
    traceparent: str | None = None
    asked: Asked | None = None
    taken: tuple[tuple[int, int], ...] = ()
    done: "Callable[[HotExecution], None] | None" = None
    circumstance: Circumstance | None = None
    refused: bool = False
    answers: dict[EvalRequest, EvalAnswer] = field(default_factory=dict)
    rounds: int = 0


class HotExecution:
    """`state` and `hash` are as committed; nothing uncommitted is ever visible here.

    `origin`: of a fork whose beginning is still being copied, where it comes from: nothing of it
    runs yet. `queued`: in the ready queue of its lane; `in_flight`: part of the append under way;
    `parked`: waits for expression workers; `gone`: dropped from memory, whoever still holds it must
    let go.
    `looked`: for each wait the stream position up to which nothing was found; `look_again`: None
    when no look is under way, else whether another must follow; `errands`: looks and other work
    under way that will post mail. `gathering`: trigger and key while it gathers. `keeping`: which
    snapshots of its past are kept, once it has grown here. `cipher`: seals its events, if its
    namespace encrypted when it began."""

    __slots__ = (
        "cipher", "errands", "gathering", "gone", "hash", "id", "in_flight", "keeping", "loaded",
        "look_again", "looked", "mails", "namespace", "origin", "parked", "queued",
        "shard", "snapshot_seq", "state", "used_at",
    )  # fmt: skip

    def __init__(
        self,
        execution_id: UUID,
        namespace: str,
        shard: OwnedShard,
        loaded: Loaded,
        *,
        state: ExecutionState | None = None,
        hash_: bytes = b"",
        snapshot_seq: int = 0,
        cipher: Cipher | None = None,
    ) -> None:
        self.id = execution_id
        self.namespace = namespace
        self.shard = shard
        self.loaded = loaded
        self.state = state if state is not None else ExecutionState(id=execution_id)
        self.hash = hash_
        self.snapshot_seq = snapshot_seq
        self.cipher = cipher
        self.keeping: Keeping | None = None
        self.mails: deque[Mail] = deque()
        self.queued = self.in_flight = self.parked = self.gone = False
        self.errands = 0
        self.origin: Origin | None = None
        self.looked: dict[int, int] = {}
        self.look_again: bool | None = None
        self.gathering: tuple[str, bytes] | None = None
        self.used_at = 0.0

    @property
    def busy(self) -> bool:
        """Whether leaving memory would lose work under way."""
        return bool(
            self.mails or self.queued or self.in_flight or self.parked or self.errands
            or (self.state.actions and not self.state.is_imported)
        )  # fmt: skip
