"""The program: what every dialect compiles to, once per definition version.

A flat table of nodes and a tree of scopes. A node's id is the JSON pointer of the part of the
definition it was made from (an implicit node adds a suffix behind `#`): so ids stay the same in
every release that compiles the definition, and the log can name them.

Every node knows `next`, the node after it in the same scope; None: the scope's end is reached.
Leaving a state is an `Exit`: it closes frames down to the enclosing scope and enters another state
there, or ends the execution.
"""

from typing import Any, Final, Literal

import msgspec

IR_VERSION = 1

DATA_SUBJECT: Final = "refold/dataSubject"
"""The member of a program's metadata that says whose data an execution holds: an expression on its
input."""


class Text(msgspec.Struct, frozen=True, tag="text"):
    """An expression. `source` is the program without the `${ }` around it."""

    source: str


class Template(msgspec.Struct, frozen=True, tag="template"):
    """JSON with expressions inside: `expressions` pairs the path of each with its text; the values
    at these paths in `base` are ignored. A path of () means the whole value is one expression."""

    base: Any = None
    expressions: tuple[tuple[tuple[str | int, ...], str], ...] = ()


class Emission(msgspec.Struct, frozen=True):
    """A CloudEvent to produce: from the event definition `ref`; `data` is evaluated on the data
    that leaves the state (None: no payload); `extensions` are fixed or expressions."""

    ref: str
    type: str
    source: str
    data: Template | None = None
    extensions: tuple[tuple[str, Template], ...] = ()
    pointer: str = ""


class Exit(msgspec.Struct, frozen=True):
    """How a state is left: `target` is the id of the next state, None ends the execution."""

    target: str | None = None
    emissions: tuple[Emission, ...] = ()
    terminate: bool = False
    pointer: str = ""


class Catch(msgspec.Struct, frozen=True):
    """A handler of a state. `name` is the error definition's name, `code` what must be among the
    error's code and aliases (`*`: any error)."""

    name: str
    code: str
    exit: Exit
    pointer: str


class Retry(msgspec.Struct, frozen=True):
    """A retry policy. Delays in ms; `codes`: only errors with one of these are retried (None: any);
    `jitter_ms` is the largest addition, or `jitter_share` a share of the delay (0..1).
    `max_attempts` counts retries, not attempts. Delay n = delay + increment * (n-1), then times
    multiplier ** (n-1), then at most max_delay, then jitter."""

    name: str
    max_attempts: int
    delay_ms: int = 0
    increment_ms: int = 0
    multiplier: float = 1.0
    max_delay_ms: int | None = None
    jitter_ms: int = 0
    jitter_share: float = 0.0
    codes: tuple[str, ...] | None = None
    excluded_codes: tuple[str, ...] = ()


class EventDefinition(msgspec.Struct, frozen=True):
    """A kind of CloudEvent that is consumed. See `schemas.events.EventFilter` for `source`.
    `correlation` pairs a context attribute in lower case with a fixed value, an expression over the
    state's data, or None (the value the execution has or gets). `data_only`: filters see the
    payload alone, else the whole CloudEvent in its JSON form."""

    ref: str
    type: str
    source: str | None = None
    correlation: tuple[tuple[str, Template | None], ...] = ()
    data_only: bool = True


class DataSelection(msgspec.Struct, frozen=True):
    """What of a result or payload goes where. `use` False: nothing. `select`: an expression on the
    result. `path`: where it is merged; `path_for_plain`: where a scalar or array goes that has no
    path of its own (None: at `path`, whatever it is). `mode` is the dialect's way to write."""

    use: bool = True
    select: Text | None = None
    path: tuple[str | int, ...] = ()
    path_for_plain: tuple[str | int, ...] | None = None
    mode: Literal["merge", "replace"] = "merge"
    pointer: str = ""


class Node(msgspec.Struct, frozen=True, tag_field="kind"):
    """Base of all nodes. `id`: see above; `name`: the author's; `scope`: id of the enclosing scope,
    branch or foreach node ("" for a state of the main flow)."""

    id: str
    name: str
    scope: str
    next: str | None = None


class Pass(Node, frozen=True, tag="pass"):
    """Write fixed or computed data."""

    data: Template = Template()
    selection: DataSelection = DataSelection()


class Act(Node, frozen=True, tag="act"):
    """Call something. `handler`: `http`, `openapi`, `python`, `expression`, ...; `operation` is the
    handler's own address of it (e.g. `GET:https://...`, `MODULE:FUNCTION`, `URI#operationId`, the
    expression). `input`: what of the data the call sees (fromStateData); `when`: skip if false.
    Sleeps before and after in ms. `timeout_ms` limits each attempt."""

    function: str = ""
    handler: str = ""
    operation: str = ""
    timeout_ms: int = 0
    arguments: Template = Template()
    input: Text | None = None
    when: Text | None = None
    selection: DataSelection = DataSelection()
    retry: Retry | None = None
    sleep_before_ms: int = 0
    sleep_after_ms: int = 0
    callback: bool = False


class Timer(Node, frozen=True, tag="timer"):
    """Wait for `duration_ms`."""

    duration_ms: int = 0


class Listening(msgspec.Struct, frozen=True):
    """One entry of a listen node: any (or all) of `events`, what of each payload is kept, and the
    node to go on with (`exit` instead: leave the state so)."""

    id: str
    name: str
    events: tuple[EventDefinition, ...]
    selection: DataSelection = DataSelection()
    body: str | None = None
    exit: Exit | None = None


class Listen(Node, frozen=True, tag="listen"):
    """Wait for CloudEvents. `any`: the first CloudEvent of any entry decides, and its entry's body
    runs. `all`: every event of every entry must come, then the bodies run in order (each body's
    last node leads to the next body). `timeout_ms` passed: `on_timeout`, or the scope's end.
    `callback`: the wait can be answered with a token."""

    mode: Literal["any", "all"] = "any"
    entries: tuple[Listening, ...] = ()
    timeout_ms: int | None = None
    on_timeout: Exit | None = None
    callback: bool = False


class Case(msgspec.Struct, frozen=True):
    """One case of a choice."""

    name: str
    when: Text
    exit: Exit
    pointer: str


class Choose(Node, frozen=True, tag="choose"):
    """Leave the state by the first case whose condition is true, else by `default`; without one,
    no true case is an error."""

    cases: tuple[Case, ...] = ()
    default: Exit | None = None


class Branch(msgspec.Struct, frozen=True):
    """A branch of a fork: `body` is its first node (None: nothing to do)."""

    id: str
    name: str
    body: str | None


class Fork(Node, frozen=True, tag="fork"):
    """Run branches at once, each on its own copy of the data. Joined when `needed` of them
    completed (None: all; an expression is evaluated on entry); the rest is cancelled. What the
    completed ones wrote is written in declaration order."""

    branches: tuple[Branch, ...] = ()
    needed: int | Text | None = None


class Each(Node, frozen=True, tag="each"):
    """Run `body` once for each element of `collection`, in a frame of its own whose data is the
    state's data with the element under `parameter` (also the variable `$parameter`).
    `batch`: at most so many at once, the next batch after the last one ended. `output`: the array
    that the results are appended to, in input order (None: results are dropped)."""

    collection: Text = Text(".")
    parameter: str | None = None
    body: str | None = None
    mode: Literal["parallel", "sequential"] = "parallel"
    batch: int | None = None
    output: tuple[str | int, ...] | None = None
    output_pointer: str = ""


class Scope(Node, frozen=True, tag="scope"):
    """A state of the definition: `type` is its type there. `input` and `output` filter its data;
    `body` is its first node; `exit` how it is left when the body ends; `catches` its handlers in
    order. `next` is not used."""

    type: str = ""
    body: str | None = None
    input: Text | None = None
    output: Text | None = None
    exit: Exit = Exit()
    catches: tuple[Catch, ...] = ()


AnyNode = Pass | Act | Timer | Listen | Choose | Fork | Each | Scope


class Trigger(msgspec.Struct, frozen=True):
    """What starts executions: the start state `node` (a scope whose first node is `listen`).
    `any`: each CloudEvent starts one; `all`: one of each, with the same correlation values, and at
    most `timeout_ms` between the first and the last."""

    node: str
    listen: str
    mode: Literal["any", "all"]
    events: tuple[EventDefinition, ...]
    timeout_ms: int | None = None


class Program(msgspec.Struct, frozen=True):
    """A compiled definition version."""

    workflow: str
    version: str
    name: str
    dialect: str
    definition_hash: str
    start: str
    nodes: dict[str, AnyNode]
    trigger: Trigger | None = None
    constants: Any = None
    secrets: tuple[str, ...] = ()
    correlation_attributes: tuple[str, ...] = ()
    metadata: dict[str, str] = {}
    ir_version: int = IR_VERSION
