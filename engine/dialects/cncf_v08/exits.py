"""Transitions and ends -> exits; error handlers -> catches."""

from engine.dialects.cncf_v08.compilation import Compilation
from engine.dialects.cncf_v08.events import emissions
from engine.model.program import Catch, Exit
from schemas.dsl.cncf_v08 import EndObject, ErrorHandler, TransitionObject

Transition = str | TransitionObject | None
End = bool | EndObject | None
ANY_ERROR = "*"
"""As an error's name or code: any error (an extension of ours, 0.8 has no catch-all)."""


def exit_of(
    compilation: Compilation, state: str, transition: Transition, end: End, pointer: str,
    *, required: bool = True,
) -> Exit:  # fmt: skip
    """The way out that the part at `pointer` describes; it must be exactly one. `state`: id of the
    state that is left."""
    ends = end is not None and end is not False
    if transition is not None and ends:
        message = "both `transition` and `end` are given; remove one of them"
        compilation.findings.error("definition.exit.both", pointer, message)
    elif transition is not None:
        return _transition(compilation, state, transition, f"{pointer}/transition")
    elif ends:
        return _end(compilation, end, f"{pointer}/end")
    elif required:
        message = "neither `transition` nor `end` is given; say where to go from here"
        compilation.findings.error("definition.exit.missing", pointer, message)
        compilation.lost.add(state)
    return Exit(pointer=pointer)


def _transition(
    compilation: Compilation, state: str, given: str | TransitionObject, pointer: str
) -> Exit:
    if isinstance(given, str):
        target = _target(compilation, state, given, pointer)
        return Exit(target, pointer=pointer)
    target = _target(compilation, state, given.next_state, f"{pointer}/nextState")
    return Exit(target, emissions(compilation, given.produce_events, pointer), pointer=pointer)


def _target(compilation: Compilation, state: str, name: str, pointer: str) -> str | None:
    found = compilation.states.located(name, pointer)
    if found is None:
        compilation.lost.add(state)
        return None
    compilation.ways.setdefault(state, set()).add(found[0])
    return found[0]


def _end(compilation: Compilation, given: End, pointer: str) -> Exit:
    if not isinstance(given, EndObject):
        return Exit(pointer=pointer)
    produced = emissions(compilation, given.produce_events, pointer)
    return Exit(None, produced, terminate=given.terminate, pointer=pointer)


def catches(
    compilation: Compilation, state: str, handlers: list[ErrorHandler] | None
) -> tuple[Catch, ...]:
    """The error handlers of a state, in order, one for each error that they name."""
    made: list[Catch] = []
    for number, handler in enumerate(handlers or ()):
        pointer = f"{state}/onErrors/{number}"
        way = exit_of(compilation, state, handler.transition, handler.end, pointer)
        for name, place in _refs(compilation, handler, pointer):
            code = error_code(compilation, name, place)
            if code is not None:
                made.append(Catch(name, code, way, pointer))
    return tuple(made)


def _refs(compilation: Compilation, handler: ErrorHandler, pointer: str) -> list[tuple[str, str]]:
    refs = [(name, f"{pointer}/errorRefs/{n}") for n, name in enumerate(handler.error_refs or ())]
    if (handler.error_ref is None) == (handler.error_refs is None):
        message = "exactly one of `errorRef` and `errorRefs` must be given"
        compilation.findings.error("definition.error.refs", pointer, message)
    elif handler.error_ref is not None:
        refs = [(handler.error_ref, f"{pointer}/errorRef")]
    return refs


def error_code(compilation: Compilation, name: str, pointer: str) -> str | None:
    """What an error is recognized by: its definition's code, else its name. None: unknown."""
    if name == ANY_ERROR and name not in compilation.errors:
        return ANY_ERROR
    error = compilation.errors.find(name, pointer)
    return None if error is None else error.code or error.name
