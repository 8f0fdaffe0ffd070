"""Expressions that a step needs, evaluated in batches while the rest of the lane goes on."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from engine.model.errors import Unavailable
from engine.model.evaluation import EvalAnswer, EvalRequest
from engine.runtime.context import EngineContext
from engine.runtime.hot import HotExecution, Mail

logger = logging.getLogger(__name__)


async def ask(context: EngineContext, requests: Sequence[EvalRequest]) -> list[EvalAnswer]:
    """One answer a request; a failure of the evaluator itself is an answer too, unless it is only
    away for a while."""
    backoff = context.backoff()
    context.tally.evaluations += len(requests)
    while True:
        try:
            return await context.ports.evaluator.evaluate(requests)
        except Unavailable:
            await asyncio.sleep(backoff.delay())
        except Exception as fault:
            logger.exception("the expression workers failed")
            error = f"the expression workers failed ({type(fault).__name__}); see the engine's log"
            return [EvalAnswer(error_code="expression.failed", error=error) for _ in requests]


class Evaluations:
    """Executions that are parked until their expressions are evaluated. What is asked for in one
    cycle goes to the workers together."""

    def __init__(self, context: EngineContext, arm: Callable[[HotExecution], None]) -> None:
        self._context = context
        self._arm = arm
        self._waiting: list[tuple[HotExecution, Mail, tuple[EvalRequest, ...]]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def park(self, hot: HotExecution, requests: tuple[EvalRequest, ...]) -> None:
        """Evaluate for the execution's first mail."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        self._waiting.append((hot, hot.mails[0], requests))

    def stop(self) -> None:
        """Let go of everything."""
        for task in self._tasks:
            task.cancel()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        batch: list[tuple[HotExecution, Mail, tuple[EvalRequest, ...]]] = []
        size = 0
        for entry in waiting:
            batch.append(entry)
            size += len(entry[2])
            if size >= self._context.settings.evaluation_batch:
                self._begin(batch)
                batch, size = [], 0
        if batch:
            self._begin(batch)

    def _begin(self, batch: list[tuple[HotExecution, Mail, tuple[EvalRequest, ...]]]) -> None:
        task = asyncio.create_task(self._evaluate(batch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _evaluate(
        self, batch: list[tuple[HotExecution, Mail, tuple[EvalRequest, ...]]]
    ) -> None:
        distinct = list({request: None for _, _, requests in batch for request in requests})
        answers = dict(zip(distinct, await ask(self._context, distinct), strict=True))
        for hot, mail, requests in batch:
            mail.answers.update((request, answers[request]) for request in requests)
            hot.parked = False
            self._arm(hot)
