"""Handler `python`: calls of user functions, sent to a worker over NATS."""

import asyncio
import itertools
import logging
from contextlib import suppress
from enum import Enum

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from engine.adapters.handlers.refusal import CallRefused, refused, too_large
from engine.adapters.nats.connection import NatsConnection
from engine.adapters.nats.subjects import work_subject
from engine.adapters.nats.work_messages import (
    DEFERRED,
    ENVELOPE_BYTES,
    FAILED,
    HEADERS,
    PROGRESSED,
    AnswerData,
    Reply,
    answer_in,
    read_reply,
    request_message,
)
from engine.model.errors import Unavailable
from engine.ports.world import Answered, Call, Failed

_NO_RESPONDERS = "503"
_RETRY_SECONDS = 0.5
_SILENCE_SECONDS = 20.0
_logger = logging.getLogger("refold.work")


class _Sign(Enum):
    """What may come instead of a reply."""

    NOBODY = "nobody listens on the subject"
    RESUMED = "NATS is back after an outage"


class _Asked:
    """One call on its way: what was sent, and what comes back. `has_worker`: one has said that it
    works on it; `is_alone`: it has not been sent yet, or nobody took it."""

    def __init__(self, subject: str, payload: bytes) -> None:
        self.subject = subject
        self.payload = payload
        self.replies: asyncio.Queue[Reply | _Sign] = asyncio.Queue()
        self.has_worker = False
        self.is_alone = True
        self.was_sent = False


class WorkHandler:
    """One inbox for the replies of all calls. A call waits for a worker until its time limit; once
    a worker has it, silence of 20 seconds means that the worker is lost. After an outage of NATS
    what no worker had taken is sent again, under the same id."""

    def __init__(self, connection: NatsConnection, silence_s: float = _SILENCE_SECONDS) -> None:
        self._connection = connection
        self._silence_s = silence_s
        self._inbox = ""
        self._asked: dict[str, _Asked] = {}
        self._numbers = itertools.count(1)

    async def start(self) -> None:
        """Subscribe to the inbox on every new connection."""
        await self._connection.announce(self._connect)

    async def run(self, call: Call) -> Answered | Failed:
        """Send the call and wait for its answer."""
        number = str(next(self._numbers))
        payload = request_message(call, f"{call.key}:{call.attempt}:{number}")
        asked = _Asked(work_subject(call.namespace, call.operation), payload)
        self._asked[number] = asked
        try:
            return await self._answer(call, number, asked)
        except CallRefused as refusal:
            return refusal.answer
        finally:
            del self._asked[number]

    async def _answer(self, call: Call, number: str, asked: _Asked) -> Answered | Failed:
        loop = asyncio.get_running_loop()
        # A little before the caller's own limit, so that the reason is told.
        limit = loop.time() + max(call.timeout_ms * 0.9, call.timeout_ms - 250) / 1_000
        await self._send(number, asked)
        heard = loop.time()
        while True:
            rest = limit - loop.time()
            if asked.is_alone and rest <= 0:
                raise _none_listens(call)
            patience = min(rest, self._silence_s) if asked.is_alone else self._silence_s
            try:
                async with asyncio.timeout(patience):
                    reply = await asked.replies.get()
            except TimeoutError:
                if self._connection.client is None:
                    heard = loop.time()
                elif loop.time() - heard >= self._silence_s:
                    raise _lost() from None
                continue
            heard = loop.time()
            if reply is _Sign.RESUMED:
                continue
            if reply is _Sign.NOBODY or reply.type == DEFERRED:
                asked.has_worker, asked.is_alone = False, True
                await asyncio.sleep(max(0, min(_RETRY_SECONDS, limit - loop.time())))
                await self._send(number, asked)
            elif reply.type == PROGRESSED:
                asked.has_worker, asked.is_alone = True, False
            else:
                return answer_in(reply)

    async def _send(self, number: str, asked: _Asked) -> None:
        """Send the request; while NATS is away, the next connection will."""
        client = self._connection.client
        if client is None or not self._inbox:
            return
        if len(asked.payload) + ENVELOPE_BYTES > client.max_payload:
            raise too_large("The request to the worker", client.max_payload - ENVELOPE_BYTES)
        with suppress(nats.errors.Error, OSError):
            await client.publish(
                asked.subject, asked.payload, reply=f"{self._inbox}.{number}", headers=HEADERS
            )
            asked.is_alone = asked.is_alone and asked.was_sent
            asked.was_sent = True

    async def _connect(self, client: Client, is_new: bool) -> None:
        if is_new:
            inbox = client.new_inbox()
            await client.subscribe(f"{inbox}.*", cb=self._received)
            self._inbox = inbox
        for number, asked in list(self._asked.items()):
            asked.replies.put_nowait(_Sign.RESUMED)
            if not asked.has_worker:
                with suppress(CallRefused, Unavailable):
                    await self._send(number, asked)

    async def _received(self, message: Msg) -> None:
        asked = self._asked.get(message.subject.rpartition(".")[2])
        client = self._connection.client
        if message.reply and client is not None:
            # The worker keeps its answer until it hears that it arrived, also if nobody waits now.
            with suppress(nats.errors.Error, OSError):
                await client.publish(message.reply)
        if asked is None:
            return
        if (message.headers or {}).get("Status") == _NO_RESPONDERS:
            asked.replies.put_nowait(_Sign.NOBODY)
            return
        try:
            asked.replies.put_nowait(read_reply(message.data))
        except msgspec.MsgspecError as error:
            _logger.warning("A worker's reply cannot be read: %s", error)
            asked.replies.put_nowait(_unreadable(error))


def _unreadable(error: Exception) -> Reply:
    """Stands for a reply that breaks the protocol: the call fails, it does not hang."""
    message = f"The worker's reply cannot be read: {error}."
    return Reply(
        specversion="1.0",
        id="unreadable",
        source="/refold/workers",
        type=FAILED,
        workid="",
        data=AnswerData(code="worker.bad_answer", message=message),
    )


def _none_listens(call: Call) -> CallRefused:
    return refused(
        "worker.none",
        f"No worker took {call.operation[:200]} within its time limit; start one with "
        f"refold serve --role worker --functions DIR.",
        "connection",
        "unavailable",
    )


def _lost() -> CallRefused:
    return refused(
        "worker.lost",
        "The worker fell silent before it had answered; it may have been killed.",
        "connection",
        "unavailable",
    )
