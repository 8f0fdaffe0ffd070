"""Rows that cross the ports: what the log, the inbox and the operational indexes hold.

Times are milliseconds since 1970. Bytes are stored as they are.
"""

from typing import Literal
from uuid import UUID

import msgspec


class EventRow(msgspec.Struct, frozen=True, gc=False):
    """One row of log.events; the columns are those of the table, in its order.

    Of a row that is stored sealed (`codec`), a reader also gets `opened`, the body in the clear, or
    `erased`, where its key was deleted. Neither is a column: see `EVENT_COLUMNS`."""

    shard: int
    position: int
    execution_id: UUID
    seq: int
    namespace: str
    type: str
    version: int
    at: int
    actor: str
    causation: int
    traceparent: str | None
    frame: int
    node: str
    name: str
    branch: int | None
    iteration: int | None
    attempt: int | None
    epoch: int
    codec: int
    key_id: str | None
    salt: bytes
    data: bytes
    digest: bytes
    hash: bytes
    opened: bytes | None = None
    erased: bool = False


EVENT_COLUMNS = 24
"""So many of the fields of an EventRow, the first, are columns of log.events."""


class CommitRow(msgspec.Struct, frozen=True, gc=False):
    """What one group commit adds to one shard. `expected_position` is the last position before it;
    `count` may be 0 (only inbox rows are taken; then both ids are nil); `parts`: JSON list of
    [birth period, count, digest as hex], sorted; `hash` chains commits."""

    shard: int
    epoch: int
    expected_position: int
    count: int
    at: int
    writer_version: str
    min_execution: UUID
    max_execution: UUID
    parts: bytes
    hash: bytes


class BirthRow(msgspec.Struct, frozen=True, gc=False):
    """The immutable row of an execution (or gathering). `forked_from`: of a fork, the execution
    whose first `forked_at` events it begins with."""

    shard: int
    execution_id: UUID
    namespace: str
    workflow: str
    version: str
    definition_hash: str
    dialect: str
    ir_version: int
    start_key: str | None
    parent: UUID | None = None
    root: UUID | None = None
    forked_from: UUID | None = None
    forked_at: int | None = None
    continued_from: UUID | None = None


class TimerRow(msgspec.Struct, frozen=True, gc=False):
    """A timer that is running."""

    shard: int
    execution_id: UUID
    timer: int
    due: int


class SubscriptionRow(msgspec.Struct, frozen=True, gc=False):
    """One event definition of an open wait. `key`: hash of (attribute, value) when the value is
    known, else None. `after`: only positions above count."""

    shard: int
    execution_id: UUID
    wait: int
    ref: str
    namespace: str
    type: str
    key: bytes | None
    after: int


class GatheringRow(msgspec.Struct, frozen=True, gc=False):
    """An open gathering: `trigger` is definition hash and node, `key` the correlation values."""

    shard: int
    execution_id: UUID
    namespace: str
    trigger: str
    key: bytes


class Handle(msgspec.Struct, frozen=True, gc=False):
    """Names a timer, wait or gathering row to remove; for a gathering `number` is 0."""

    shard: int
    execution_id: UUID
    number: int


class InboxRow(msgspec.Struct, frozen=True, gc=False):
    """Something from outside for an execution, committed, not yet taken.

    `kind`: `start` (body: StartRequest; `position`: only CloudEvents above it count, which is the
    head of the stream when the start was accepted, or the CloudEvent that starts), `callback`
    (CallbackRequest; position 0), `cancel` (CancelRequest; position 0), `hint` (a CloudEvent may
    match; body empty, `position` says which), `offer` (a CloudEvent at `position` for a gathering;
    body: OfferRequest; execution_id is the nil UUID), `suspend` (SuspendRequest), `resume`
    (ResumeRequest), `fork` (ForkRequest: execution_id is the new one), `forked` (ForkedNote: for
    the source), `import` (ImportRequest).
    """

    shard: int
    id: int
    kind: Literal[
        "start", "callback", "cancel", "hint", "offer", "fork", "forked", "import", "suspend",
        "resume",
    ]  # fmt: skip
    execution_id: UUID
    namespace: str
    position: int
    body: bytes
    actor: str
    traceparent: str | None
    at: int


class AcceptedFork(msgspec.Struct, frozen=True, gc=False):
    """A fork as it is accepted. `fork`: its id, minted before; `body`: ForkRequest, `note`:
    ForkedNote for the source; `keys` and `request_hash` as of a start."""

    namespace: str
    workflow: str
    keys: tuple[str, ...]
    fork: UUID
    body: bytes
    source: UUID
    note: bytes
    request_hash: bytes
    actor: str
    traceparent: str | None = None


class Installation(msgspec.Struct, frozen=True, gc=False):
    """What is fixed for the life of an installation. `shards`: their number; `callback_secret`: key
    of the callback tokens, 32 bytes."""

    cluster_id: str
    shards: int
    chain_version: int
    callback_secret: bytes


class ShardHead(msgspec.Struct, frozen=True, gc=False):
    """The head row of a shard."""

    shard: int
    owner: str | None
    epoch: int
    expires_at: int
    last_position: int
    commit_no: int
    hash: bytes


class Append(msgspec.Struct):
    """Everything that one call of the append function commits, or nothing.

    Every shard that any row names has a commit (perhaps with count 0), which is its fence. A timer,
    wait or gathering set and cleared in the same batch is cleared. `actions_opened` and
    `actions_closed` name (shard, execution) once, as it stands after the batch: whether the
    execution has scheduled actions without an answer. `inbox_taken` names (shard, id).
    """

    commits: list[CommitRow] = []
    events: list[EventRow] = []
    births: list[BirthRow] = []
    timers_set: list[TimerRow] = []
    timers_cleared: list[Handle] = []
    subscriptions_opened: list[SubscriptionRow] = []
    subscriptions_closed: list[Handle] = []
    gatherings_opened: list[GatheringRow] = []
    gatherings_closed: list[Handle] = []
    actions_opened: list[tuple[int, UUID]] = []
    actions_closed: list[tuple[int, UUID]] = []
    inbox_taken: list[tuple[int, int]] = []


class SnapshotRow(msgspec.Struct, frozen=True, gc=False):
    """A cached fold; droppable. `state` is JSON of ExecutionState at `seq`."""

    shard: int
    execution_id: UUID
    seq: int
    evolve_version: int
    state: bytes


class StreamEvent(msgspec.Struct, frozen=True, gc=False):
    """A CloudEvent at its position of the namespace's stream. `body` is its structured JSON form,
    `attributes` its context attributes and extensions as JSON object of strings."""

    position: int
    at: int
    id: str
    source: str
    type: str
    attributes: bytes
    body: bytes


class IngestRow(msgspec.Struct, frozen=True, gc=False):
    """A CloudEvent to be stored. `digest` tells a duplicate from a conflict; `keys` are hashes of
    (attribute, value) for every extension attribute and the subject, made by
    `engine.model.ids.attribute_key`."""

    id: str
    source: str
    type: str
    digest: bytes
    attributes: bytes
    body: bytes
    keys: tuple[bytes, ...]
    actor: str


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """What became of an ingested CloudEvent; a duplicate names the position of the first."""

    position: int
    outcome: Literal["stored", "duplicate", "conflict"]


class TriggerRow(msgspec.Struct, frozen=True, gc=False):
    """An active trigger: the definition version that events of these types start, in the half-open
    range of positions above `from_position` up to and with `to_position` (None: still open)."""

    namespace: str
    trigger: str
    workflow: str
    version: str
    definition_hash: str
    types: tuple[str, ...]
    from_position: int
    to_position: int | None


class Match(msgspec.Struct, frozen=True, gc=False):
    """What the matcher puts into an inbox: a start (new id minted by the database under
    `start_key`), an offer to a gathering, or a hint to an execution."""

    kind: Literal["start", "offer", "hint"]
    shard: int
    position: int
    execution_id: UUID | None = None
    workflow: str = ""
    start_key: str = ""
    body: bytes = b""


class DefinitionRow(msgspec.Struct, frozen=True, gc=False):
    """An immutable definition version. `source` as applied; `resources`: URI -> content. When one
    is applied, the storage sets `created_at` and `active`."""

    namespace: str
    workflow: str
    version: str
    definition_hash: str
    dialect: str
    media_type: str
    source: bytes
    resources: dict[str, bytes]
    created_at: int
    actor: str
    active: bool


class DeadLetter(msgspec.Struct, frozen=True, gc=False):
    """A message that could not become a CloudEvent of the stream."""

    id: int
    namespace: str
    at: int
    origin: str
    code: str
    reason: str
    headers: bytes
    body: bytes
