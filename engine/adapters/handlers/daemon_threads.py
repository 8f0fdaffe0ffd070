"""Threads for functions that may never come back.

A thread cannot be stopped. One whose function nobody waits for any more gives its place to another
and does not hold up the end of the program.
"""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

from engine.adapters.handlers.refusal import refused

MAX_ABANDONED = 256
"""Functions that may run on although their calls are over, before no other is begun."""

_Job = tuple[asyncio.AbstractEventLoop, "asyncio.Future[Any]", Callable[[], Any]]


class DaemonThreads:
    """At most `limit` functions at a time, not counting those whose calls are over."""

    def __init__(self, limit: int) -> None:
        self._places = asyncio.Semaphore(limit)
        self._most = limit + MAX_ABANDONED
        self._idle: list[SimpleQueue[_Job | None]] = []
        self._alive = 0
        self._closed = False

    def close(self) -> None:
        """Let idle threads end; busy ones end with their functions."""
        self._closed = True
        while self._idle:
            self._idle.pop().put(None)

    async def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """The function's result, or its exception. When cancelled the function runs on, unheard.
        Raises CallRefused when too many functions are running on."""
        async with self._places:
            loop = asyncio.get_running_loop()
            answer: asyncio.Future[Any] = loop.create_future()
            context = contextvars.copy_context()
            jobs = self._idle.pop() if self._idle else self._new()
            jobs.put((loop, answer, lambda: context.run(function, *arguments)))
            return await answer

    def _new(self) -> "SimpleQueue[_Job | None]":
        if self._alive >= self._most:
            raise refused(
                "function.hanging",
                f"{MAX_ABANDONED} functions whose calls timed out are still running; give them "
                f"time limits of their own, and start the worker again.",
            )
        self._alive += 1
        jobs: SimpleQueue[_Job | None] = SimpleQueue()
        name = f"function_{self._alive}"
        threading.Thread(target=self._serve, args=(jobs,), name=name, daemon=True).start()
        return jobs

    def _serve(self, jobs: "SimpleQueue[_Job | None]") -> None:
        while (job := jobs.get()) is not None:
            loop, answer, work = job
            result: Any = None
            fault: BaseException | None = None
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001  it belongs to whoever waits
                fault = error
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(self._done, jobs, answer, result, fault)
            del job, work, result, fault

    def _done(
        self,
        jobs: "SimpleQueue[_Job | None]",
        answer: "asyncio.Future[Any]",
        result: Any,
        fault: BaseException | None,
    ) -> None:
        """On the loop: hand the result on, take the thread back."""
        if self._closed:
            jobs.put(None)
        else:
            self._idle.append(jobs)
        if answer.done():
            return
        if fault is None:
            answer.set_result(result)
        else:
            answer.set_exception(fault)
