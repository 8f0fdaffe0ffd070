"""Role worker: takes calls of user functions from NATS and answers them."""

import asyncio
import itertools
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from engine.adapters.handlers.function_library import FunctionLibrary
from engine.adapters.handlers.functions import FunctionCaller
from engine.adapters.handlers.refusal import refused, too_large
from engine.adapters.nats.connection import NatsConnection
from engine.adapters.nats.subjects import WORK_PREFIX
from engine.adapters.nats.work_messages import (
    DEFERRED,
    ENVELOPE_BYTES,
    HEADERS,
    PROGRESSED,
    Requested,
    answer_message,
    read_request,
    sign_message,
)
from engine.ports.world import Answered, Failed
from schemas import json_text

QUEUE_GROUP = "refold-workers"
MAX_RUNNING = 64
MAX_WAITING = 1_024
_TICK_SECONDS = 1.0
_SIGN_SECONDS = 5.0
_KEPT_ANSWER_SECONDS = 60.0
_NO_RESPONDERS = "503"
_logger = logging.getLogger("refold.worker")


class _Job:
    """One request that this worker took, until its answer has arrived."""

    task: asyncio.Task[None]
    began = False

    def __init__(self, number: str, request: Requested, reply_to: str) -> None:
        self.number = number
        self.request = request
        self.reply_to = reply_to
        self.answer: bytes | None = None
        self.answered_at = 0.0
        self.signed_at = 0.0


class Worker:
    """Runs functions of a directory for one namespace (None: all), at most `running` at a time.

    An answer is sent until its receipt is confirmed, so that it survives an outage of NATS. A
    request beyond `running` + `waiting` is deferred: the engine asks again, maybe another worker.
    """

    def __init__(
        self,
        connection: NatsConnection,
        functions_dir: Path | None,
        namespace: str | None = None,
        packages: Sequence[str] = (),
        running: int = MAX_RUNNING,
        waiting: int = MAX_WAITING,
    ) -> None:
        self._connection = connection
        self._caller = FunctionCaller(FunctionLibrary(functions_dir, packages), running)
        self._subject = f"{WORK_PREFIX}.{namespace or '*'}.>"
        self._slots = asyncio.Semaphore(running)
        self._most = running + waiting
        self._inbox = ""
        self._subscription: Subscription | None = None
        self._jobs: dict[str, _Job] = {}
        self._by_number: dict[str, _Job] = {}
        self._numbers = itertools.count(1)
        self._idle = asyncio.Event()
        self._idle.set()
        self._ticker: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take requests from now on, and after each outage."""
        self._caller.open()
        self._ticker = asyncio.create_task(self._tick())
        await self._connection.announce(self._connect)

    async def stop(self, grace_s: float = 10.0) -> None:
        """Take no more, defer what waits; give what runs `grace_s` seconds, and what is not done
        then is deferred too: another worker runs it. Stopping twice is fine."""
        if self._ticker is None:
            return
        if self._subscription is not None:
            with suppress(nats.errors.Error, OSError, TimeoutError):
                await self._subscription.drain()  # type: ignore[no-untyped-call]
        await self._defer([job for job in self._jobs.values() if not job.began])
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._idle.wait()
        await self._defer(list(self._jobs.values()))
        self._ticker.cancel()
        self._ticker = None
        await self._caller.close()

    async def _defer(self, jobs: list[_Job]) -> None:
        for job in jobs:
            job.task.cancel()
            if job.answer is None:
                await self._publish(job.reply_to, sign_message(job.request, DEFERRED))
            self._forget(job)
        await asyncio.gather(*(job.task for job in jobs), return_exceptions=True)

    async def _connect(self, client: Client, is_new: bool) -> None:
        if is_new:
            inbox = client.new_inbox()
            await client.subscribe(f"{inbox}.*", cb=self._confirmed)
            self._inbox = inbox
            self._subscription = await client.subscribe(
                self._subject, queue=QUEUE_GROUP, cb=self._requested
            )

    async def _requested(self, message: Msg) -> None:
        if not message.data:
            return  # somebody asks whether anybody listens
        try:
            request = read_request(message.data)
        except msgspec.MsgspecError as error:
            _logger.warning("A request on %s cannot be read: %s", message.subject, error)
            return
        job = self._jobs.get(request.id)
        if job is not None:
            # The same request, sent again after an outage: answer there, do not run it twice.
            job.reply_to = message.reply
            await self._sign(job)
            return
        if len(self._jobs) >= self._most:
            await self._publish(message.reply, sign_message(request, DEFERRED))
            return
        job = _Job(str(next(self._numbers)), request, message.reply)
        job.signed_at = time.monotonic() - _SIGN_SECONDS + _TICK_SECONDS
        self._idle.clear()
        self._jobs[request.id] = self._by_number[job.number] = job
        job.task = asyncio.create_task(self._work(job))

    async def _work(self, job: _Job) -> None:
        try:
            payload = answer_message(job.request, await self._answer(job))
        except Exception as error:  # a job without an answer would be signed for ever
            _logger.exception("A call of %s has no answer", job.request.data.operation)
            fault = refused("function.handler_fault", f"The worker failed: {error!r}.")
            payload = answer_message(job.request, fault.answer)
        client = self._connection.client
        if client is not None and len(payload) + ENVELOPE_BYTES > client.max_payload:
            refusal = too_large("The function's answer", client.max_payload - ENVELOPE_BYTES)
            payload = answer_message(job.request, refusal.answer)
        job.answer = payload
        job.answered_at = time.monotonic()
        await self._sign(job)

    async def _answer(self, job: _Job) -> Answered | Failed:
        request = job.request
        limit_s = request.timeoutms / 1_000 if request.timeoutms > 0 else None
        try:
            async with asyncio.timeout(limit_s), self._slots:
                arguments = json_text.loads(request.data.arguments)
                job.began = True
                return await self._caller.call(request.data.operation, arguments)
        except TimeoutError:
            return refused("timeout", "The function did not end within its time limit.").answer
        except (msgspec.MsgspecError, ValueError) as error:
            return refused("worker.bad_request", f"The arguments cannot be read: {error}.").answer

    async def _sign(self, job: _Job) -> None:
        """Send the answer if there is one, else that work goes on."""
        job.signed_at = time.monotonic()
        if job.answer is None:
            await self._publish(job.reply_to, sign_message(job.request, PROGRESSED))
        else:
            await self._publish(job.reply_to, job.answer, f"{self._inbox}.{job.number}")

    async def _publish(self, subject: str, payload: bytes, confirm_to: str = "") -> None:
        client = self._connection.client
        if client is not None and subject:
            with suppress(nats.errors.Error, OSError):
                await client.publish(subject, payload, reply=confirm_to, headers=HEADERS)

    async def _confirmed(self, message: Msg) -> None:
        """The answer arrived, or (no responders) nobody waits for it any more."""
        job = self._by_number.get(message.subject.rpartition(".")[2])
        if job is None:
            return
        is_gone = (message.headers or {}).get("Status") == _NO_RESPONDERS
        if not is_gone or time.monotonic() - job.answered_at > _SIGN_SECONDS:
            self._forget(job)

    def _forget(self, job: _Job) -> None:
        self._jobs.pop(job.request.id, None)
        self._by_number.pop(job.number, None)
        if not self._jobs:
            self._idle.set()

    async def _tick(self) -> None:
        """Repeat answers that are not confirmed, and signs of work that goes on."""
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            now = time.monotonic()
            for job in list(self._jobs.values()):
                if job.answer is not None and now - job.answered_at > _KEPT_ANSWER_SECONDS:
                    self._forget(job)
                elif job.answer is not None or now - job.signed_at >= _SIGN_SECONDS:
                    await self._sign(job)
