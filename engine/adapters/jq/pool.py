"""A few worker processes that answer what the engine cannot evaluate in its own loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from engine.adapters.jq.process import Question, Reply, WorkerLost, WorkerProcess
from engine.expr import MAX_DEPTH, ExpressionFault, JsonFault, compile_expression, loads
from engine.model.evaluation import EvalAnswer, EvalRequest

MAX_WAITING: Final = 10_000
BATCH: Final = 16
_decode_names: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_CODES: Final = {b"F": "expression.failed", b"L": "expression.limit", b"S": "expression.syntax"}
_BUSY: Final = EvalAnswer(
    error_code="expression.limit",
    error=f"more than {MAX_WAITING} expressions are waiting for a worker; try again later",
)


class JqPool:
    """`size` processes with libjq; implements the port `Evaluator`.

    Every question gets an answer: a worker that takes longer than `time_limit_ms` for one question,
    or dies, is replaced, and the question it was at is answered with `expression.limit`. Other
    codes: `expression.failed`, `expression.syntax`, `expression.refused`. Outputs are at most
    10,000, and 1 MiB of JSON. Numbers that libjq calculated, and exponents, are written its way:
    the text of numbers is kept in closures, not through a worker.
    """

    def __init__(self, size: int = 2, time_limit_ms: int = 1000) -> None:
        self._time_limit_s = time_limit_ms / 1000
        self._workers = [WorkerProcess() for _ in range(size)]
        self._idle: asyncio.LifoQueue[WorkerProcess] = asyncio.LifoQueue()
        self._waiting = 0
        self._closed = False
        for worker in self._workers:
            self._idle.put_nowait(worker)

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes running now."""
        return tuple(worker.pid for worker in self._workers if worker.pid is not None)

    async def start(self) -> None:
        """Start all workers. Raises `WorkerLost` where they cannot run."""
        await asyncio.gather(*(worker.start() for worker in self._workers))

    async def close(self) -> None:
        """End all workers for good; questions under way are answered as lost."""
        self._closed = True
        await asyncio.gather(*(worker.kill() for worker in self._workers))

    async def evaluate(self, requests: Sequence[EvalRequest]) -> list[EvalAnswer]:
        """One answer for each request, in order."""
        answers: list[EvalAnswer | None] = [None] * len(requests)
        questions: list[tuple[int, Question]] = []
        for place, request in enumerate(requests):
            asked = _question(b"E", request.source, request.variables, request.input)
            if isinstance(asked, EvalAnswer):
                answers[place] = asked
            else:
                questions.append((place, asked))
        for place, reply in await self._ask(questions):
            answers[place] = _answer(reply)
        return [answer or _BUSY for answer in answers]

    async def check(self, sources: Sequence[str]) -> list[str | None]:
        """For each program what is wrong with it, or None. Nothing is evaluated."""
        problems: list[str | None] = [None] * len(sources)
        questions: list[tuple[int, Question]] = []
        for place, source in enumerate(sources):
            asked = _question(b"C", source, b"", b"")
            if isinstance(asked, EvalAnswer):
                problems[place] = asked.error
            else:
                questions.append((place, asked))
        answers = dict(await self._ask(questions))
        for place, _ in questions:
            answer = _answer(answers[place]) if place in answers else _BUSY
            problems[place] = answer.error
        return problems

    async def _ask(self, questions: list[tuple[int, Question]]) -> list[tuple[int, Reply]]:
        """Replies by place; nothing for questions beyond the bound of the queue."""
        accepted = questions[: max(0, MAX_WAITING - self._waiting)]
        batches = [accepted[at : at + BATCH] for at in range(0, len(accepted), BATCH)]
        self._waiting += len(accepted)
        try:
            replies = await asyncio.gather(*(self._ask_batch(batch) for batch in batches))
        finally:
            self._waiting -= len(accepted)
        return [reply for batch in replies for reply in batch]

    async def _ask_batch(self, batch: list[tuple[int, Question]]) -> list[tuple[int, Reply]]:
        worker = await self._idle.get()
        replies: list[tuple[int, Reply]] = []
        try:
            while len(replies) < len(batch):
                await self._ask_worker(worker, batch, replies)
        finally:
            if len(replies) < len(batch):
                await worker.kill()
            self._idle.put_nowait(worker)
        return replies

    async def _ask_worker(
        self,
        worker: WorkerProcess,
        batch: list[tuple[int, Question]],
        replies: list[tuple[int, Reply]],
    ) -> None:
        """Ask what is not answered yet, until the end or the loss of the worker."""
        rest = batch[len(replies) :]
        if self._closed:
            lost = self._reply_of(WorkerLost(timed_out=False))
            replies.extend((place, lost) for place, _ in rest)
            return
        try:
            if worker.pid is None:
                await worker.start()
            worker.send([question for _, question in rest])
            for place, _ in rest:
                replies.append((place, await worker.receive(self._time_limit_s)))
        except WorkerLost as loss:
            place = batch[len(replies)][0]
            replies.append((place, self._reply_of(loss)))

    def _reply_of(self, loss: WorkerLost) -> Reply:
        if loss.timed_out:
            text = f"the expression took longer than {self._time_limit_s:g} s"
        else:
            text = "the expression ended its worker, probably by taking too much memory"
        return Reply(b"L", text.encode())


def _question(letter: bytes, source: str, variables: bytes, data: bytes) -> Question | EvalAnswer:
    """A question, or the answer where the program may not be asked at all."""
    try:
        names = compile_expression(source).variables
    except ExpressionFault as fault:
        return EvalAnswer(error_code=fault.code, error=fault.message)
    if letter == b"E" and names and (missing := names - _decode_names(variables).keys()):
        shown = ", ".join(f"${name}" for name in sorted(missing))
        return EvalAnswer(error_code="expression.failed", error=f"{shown} is not known here")
    return Question(letter, tuple(sorted(names)), source, variables, data)


def _answer(reply: Reply) -> EvalAnswer:
    if reply.letter != b"V":
        return EvalAnswer(error_code=_CODES[reply.letter], error=reply.text.decode())
    if reply.text.count(b"[") + reply.text.count(b"{") > MAX_DEPTH:
        try:
            loads(reply.text, MAX_DEPTH + 1)
        except JsonFault as fault:
            return EvalAnswer(error_code="expression.limit", error=fault.message)
    return EvalAnswer(outputs=reply.text)
