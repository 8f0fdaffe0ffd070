"""Everything the engine needs of the world, in one value; the composition root fills it."""

import os
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from engine.model.program import Program
from engine.ports.breakpoints import Breakpoints
from engine.ports.imports import Imports
from engine.ports.keys import Keys, Unencrypted
from engine.ports.rows import DefinitionRow
from engine.ports.storage import Definitions, Inbox, Indexes, Leases, Log, Readers, Streams
from engine.ports.world import Evaluator, Handler, Hints, Publisher, Secrets


@dataclass(frozen=True, kw_only=True)
class EnginePorts:
    """The world. `compile` turns a definition version into a program; `handlers` run actions by
    the handler's name; `callback_secret` signs callback tokens; `salts(n)` gives n random bytes;
    `chance` a number in [0, 1) for jitter."""

    log: Log
    inbox: Inbox
    imports: Imports
    leases: Leases
    indexes: Indexes
    streams: Streams
    definitions: Definitions
    readers: Readers
    breakpoints: Breakpoints
    evaluator: Evaluator
    handlers: Mapping[str, Handler]
    hints: Hints
    publisher: Publisher
    secrets: Secrets
    compile: Callable[[DefinitionRow], Program]
    callback_secret: bytes
    keys: Keys = field(default_factory=Unencrypted)
    salts: Callable[[int], bytes] = os.urandom
    chance: Callable[[], float] = field(default=random.random)
