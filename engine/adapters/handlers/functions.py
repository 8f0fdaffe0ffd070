"""Calls user functions: plain ones in threads, async ones on a loop of their own.

The engine's event loop is never theirs: a function that blocks holds up other functions at most.
"""

import asyncio
import inspect
import math
import threading
import traceback
from collections.abc import Coroutine
from typing import Any

from engine.adapters.handlers.daemon_threads import DaemonThreads
from engine.adapters.handlers.function_library import Function, FunctionLibrary
from engine.adapters.handlers.json_result import MAX_DEPTH, MAX_RESULT_BYTES
from engine.adapters.handlers.printing import Printed, capture
from engine.adapters.handlers.refusal import (
    MAX_MESSAGE_CHARS,
    CallRefused,
    refused,
    too_large,
)
from engine.ports.world import Answered, Failed
from schemas import json_text
from schemas.events.parts import Error

DEFAULT_THREADS = 16
_MAX_TRACEBACK_CHARS = 8_000


class FunctionCaller:
    """Runs functions of a library, at most `threads` plain ones at a time."""

    def __init__(self, library: FunctionLibrary, threads: int = DEFAULT_THREADS) -> None:
        self._library = library
        self._threads = DaemonThreads(threads)
        self._loop = asyncio.new_event_loop()
        self._loop_thread = threading.Thread(
            target=self._loop.run_forever, name="functions-loop", daemon=True
        )

    def open(self) -> None:
        """Start the threads and make the directory importable."""
        self._library.open()
        self._loop_thread.start()

    async def close(self) -> None:
        """Stop. Async functions are cancelled; a plain function that still runs is abandoned."""
        self._threads.close()
        if self._loop_thread.is_alive():
            ending = asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop)
            await asyncio.wrap_future(ending)
            self._loop.call_soon_threadsafe(self._loop.stop)
            await asyncio.to_thread(self._loop_thread.join)
        self._loop.close()

    async def call(self, operation: str, arguments: Any) -> Answered | Failed:
        """The function's answer; its exception is an error named by its class. Cancelling stops an
        async function; a plain one runs on to its end and its answer is dropped."""
        with capture() as printed:
            try:
                if arguments is None:
                    arguments = {}
                if not isinstance(arguments, dict):
                    raise refused("function.bad_arguments", "Arguments must be an object.")
                function = self._library.known(operation)
                if function is None:
                    function = await self._threads.run(self._library.load, operation)
                result = await self._run(function, arguments)
            except CallRefused as refusal:
                return Failed(refusal.error, printed.text)
            return _finished(result, printed)

    async def _run(self, function: Function, arguments: dict[str, Any]) -> Any:
        if inspect.iscoroutinefunction(function):
            return await self._on_loop(_guarded(function(arguments)))
        result = await self._threads.run(_called, function, arguments)
        if inspect.iscoroutine(result):
            return await self._on_loop(_guarded(result))
        return result

    async def _on_loop(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self._loop))


def python_error(error: BaseException) -> Error:
    """An exception as an error: aliases are its class, qualified class and base classes."""
    kind = type(error)
    bases = [base.__name__ for base in kind.__mro__[1:]]
    names = [kind.__name__, f"{kind.__module__}.{kind.__qualname__}"]
    for name in bases:
        if name not in ("Exception", "BaseException", "object") and name not in names:
            names.append(name)
    text = "".join(traceback.format_exception(kind, error, _user_frames(error)))
    return Error(
        "python.exception",
        _storable(f"{kind.__name__}: {_said(error)}")[:MAX_MESSAGE_CHARS],
        tuple(names[:20]),
        detail={"traceback": _storable(text)[-_MAX_TRACEBACK_CHARS:]},
    )


def json_fault(value: Any, depth: int = 0) -> str | None:
    """Why a Python value is not JSON data, None if it is."""
    if value is None or isinstance(value, bool | int):
        return None
    if isinstance(value, str):
        return None if value.isascii() or _storable(value) == value else "a lone surrogate"
    if isinstance(value, float):
        # A number that came as text and is handed back (1e999) is one, whatever its float is.
        return None if math.isfinite(value) or type(value) is not float else str(value)
    if depth >= MAX_DEPTH:
        return f"a value nested deeper than {MAX_DEPTH}"
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            return "an object with a name that is no string"
        items: list[Any] = [*value, *value.values()]
    elif isinstance(value, list | tuple):
        items = list(value)
    else:
        return f"a value of type {type(value).__name__}"
    return next((fault for one in items if (fault := json_fault(one, depth + 1))), None)


def _called(function: Function, arguments: dict[str, Any]) -> Any:
    try:
        return function(arguments)
    except BaseException as error:  # noqa: BLE001  SystemExit of a function is its error, not ours
        raise CallRefused(python_error(error)) from None


async def _guarded(coroutine: Coroutine[Any, Any, Any]) -> Any:
    try:
        return await coroutine
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise CallRefused(python_error(error)) from None
    except BaseException as error:  # noqa: BLE001  as above
        raise CallRefused(python_error(error)) from None


async def _cancel_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.wait(others, timeout=1) if others else None


def _finished(result: Any, printed: Printed) -> Answered | Failed:
    fault, size = json_fault(result), 0
    if fault is None:
        try:
            size = len(json_text.dumps(result))
        except (TypeError, ValueError, OverflowError) as error:
            fault = f"something else ({error})"
    if fault is not None:
        refusal = refused(
            "python.result_not_json",
            f"The function returned {fault}; return null, booleans, finite numbers, strings, lists "
            f"and dicts with string keys.",
        )
        return Failed(refusal.error, printed.text)
    if size > MAX_RESULT_BYTES:
        return Failed(too_large("The function's result", MAX_RESULT_BYTES).error, printed.text)
    return Answered(result, printed.text)


def _user_frames(error: BaseException) -> Any:
    """The traceback without our own frame at its head."""
    return None if error.__traceback__ is None else error.__traceback__.tb_next


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException as second:  # noqa: BLE001  a user's __str__ may fail as well
        return f"(its message cannot be read: {type(second).__name__})"


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
