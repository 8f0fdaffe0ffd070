"""Keys of executions that begin, where their namespace encrypts: before anything is decided."""

import logging
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from engine.core.values import Pending, Values
from engine.expr import ExpressionFault
from engine.model.command import StartExecution
from engine.model.errors import Unavailable
from engine.model.evaluation import EvalAnswer, EvalRequest
from engine.model.ids import format_execution
from engine.model.program import DATA_SUBJECT, Program
from engine.ports.keys import Cipher, KeyWanted
from engine.runtime.context import EngineContext
from engine.runtime.evaluation import ask

logger = logging.getLogger(__name__)

_MOST_ROUNDS = 8
_MOST_CHARACTERS = 1_000


class Sealing:
    """Executions that begin together. `add` them, `claim` their ciphers, then begin each with its
    `cipher`."""

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self._beginnings: list[_Beginning] = []
        self._ciphers: dict[UUID, Cipher | Exception] = {}

    def add(
        self, execution_id: UUID, namespace: str, program: Program, command: StartExecution
    ) -> None:
        """One of them. Its data is its input or, where a CloudEvent starts it, that one's data."""
        data = command.input if command.trigger is None else command.trigger.payload
        self._beginnings.append(_Beginning(execution_id, namespace, program, data))

    async def claim(self) -> None:
        """Find or make the keys of all of them. Raises Unavailable."""
        if not self._beginnings:
            return
        keys = self._context.ports.keys
        modes = await keys.encryption(sorted({one.namespace for one in self._beginnings}))
        wanted: list[KeyWanted] = []
        for one in self._beginnings:
            if one.namespace in modes:
                by_subject = modes[one.namespace] == "subject"
                subject = await _subject(self._context, one) if by_subject else None
                wanted.append(KeyWanted(one.execution_id, one.namespace, subject))
        if not await self._claimed(wanted):
            for each in wanted:  # which of them it concerns is found out one by one
                await self._claimed([each])

    async def _claimed(self, wanted: list[KeyWanted]) -> bool:
        try:
            self._ciphers.update(await self._context.ports.keys.begin(wanted) if wanted else {})
        except Unavailable:
            raise
        except Exception as fault:  # noqa: BLE001 - raised again by `cipher`
            self._ciphers.update((one.execution_id, fault) for one in wanted)
            return False
        return True

    def cipher(self, execution_id: UUID) -> Cipher | None:
        """What seals it; None: it stays in the clear. Raises why it cannot begin."""
        found = self._ciphers.get(execution_id)
        if isinstance(found, Exception):
            raise found
        return found


@dataclass(frozen=True, slots=True)
class _Beginning:
    execution_id: UUID
    namespace: str
    program: Program
    data: Any


async def _subject(context: EngineContext, one: _Beginning) -> str | None:
    """The data subject as the definition's expression names it; None: a key for the execution
    alone, so that no execution is kept from starting by its data."""
    source = one.program.metadata.get(DATA_SUBJECT)
    if source is None:
        return None
    try:
        value = await _value(context, source, one)
    except ExpressionFault as fault:
        value, problem = None, fault.message
    else:
        problem = f"it gives {type(value).__name__}, not a text of 1 to {_MOST_CHARACTERS}"
    if isinstance(value, str) and 0 < len(value) <= _MOST_CHARACTERS:
        return value
    logger.warning(
        "%s of %s names nobody for %s, which gets a key of its own: %s",
        DATA_SUBJECT, one.program.workflow, format_execution(one.execution_id), problem,
    )  # fmt: skip
    return None


async def _value(context: EngineContext, source: str, one: _Beginning) -> Any:
    data, constants = {} if one.data is None else one.data, {"CONST": one.program.constants}
    answers: dict[EvalRequest, EvalAnswer] = {}
    for _ in range(_MOST_ROUNDS):
        try:
            return Values(answers).one(source, data, constants)
        except Pending as pending:
            (answer,) = await ask(context, [pending.request])
            answers[pending.request] = answer
    raise ExpressionFault("expression.failed", "it asks for values without end")
