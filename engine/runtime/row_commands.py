"""What an inbox row asks of an execution that exists."""

from collections.abc import Callable
from typing import Final

import msgspec

from engine.model.command import (
    CancelExecution,
    Command,
    DeliverCallback,
    NoteFork,
    ResumeExecution,
    SuspendExecution,
)
from engine.ports.requests import (
    CallbackRequest,
    CancelRequest,
    ForkedNote,
    ResumeRequest,
    SuspendRequest,
)
from engine.ports.rows import InboxRow
from schemas.events.bodies import ForkTaken
from schemas.events.parts import Asked
from schemas.events.wire import decode_body
from schemas.json_text import loads

Wanted = tuple[Command | None, Asked | None]

_callback_of = msgspec.json.Decoder(CallbackRequest).decode
_cancel_of = msgspec.json.Decoder(CancelRequest).decode
_suspend_of = msgspec.json.Decoder(SuspendRequest).decode
_resume_of = msgspec.json.Decoder(ResumeRequest).decode
_note_of = msgspec.json.Decoder(ForkedNote).decode


def _callback(body: bytes) -> Wanted:
    request = _callback_of(body)
    return DeliverCallback(request.frame, loads(request.data)), request.asked


def _cancel(body: bytes) -> Wanted:
    request = _cancel_of(body)
    return CancelExecution(), request.asked or Asked(reason=request.reason)


def _suspend(body: bytes) -> Wanted:
    return SuspendExecution(), _suspend_of(body).asked


def _resume(body: bytes) -> Wanted:
    request = _resume_of(body)
    return ResumeExecution(request.mode, request.breakpoint), request.asked


def _forked(body: bytes) -> Wanted:
    note = _note_of(body)
    taken = decode_body(ForkTaken.__name__, ForkTaken.VERSION, bytes(note.taken))
    assert isinstance(taken, ForkTaken)
    return NoteFork(taken), taken.asked


def _nothing(_: bytes) -> Wanted:
    return None, None


_COMMANDS: Final[dict[str, Callable[[bytes], Wanted]]] = {
    "callback": _callback,
    "cancel": _cancel,
    "suspend": _suspend,
    "resume": _resume,
    "forked": _forked,
    "hint": _nothing,
}


def command_of(row: InboxRow) -> Wanted:
    """The command, from where and why it was given; a hint asks nothing, it only makes the waits
    look again. Raises msgspec.MsgspecError, KeyError for what has no command."""
    return _COMMANDS[row.kind](row.body)
