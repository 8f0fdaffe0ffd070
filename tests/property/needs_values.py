"""The same schedule twice: with expressions that have closures, and with the same expressions
written so that only a worker can evaluate them. The events must be the same to the byte."""

import copy

from msgspec.structs import replace

from engine.expr import compile_expression
from schemas.events import encode_body
from tests.property.case import Pair, compile_document, random_document, run_random
from tests.property.reference import Endless
from tests.property.reference.values import bare, is_wrapped

HEAD, TAIL = "def same: (", "); same"
FILTERS = frozenset(
    {"input", "output", "fromStateData", "condition", "inputCollection", "operation"}
)


def check_needs_values(seed):
    """Raises AssertionError with the seed. Gives how often the core asked for values."""
    document, program = random_document(seed)
    hard = without_closures(document)
    harder = compile_document(hard)
    assert harder is not None, f"seed {seed}: the changed definition was refused"
    plain = run_random(document, program, seed)
    same_names = replace(harder, definition_hash=program.definition_hash)
    worked = Pair(hard, same_names, reloading=False)
    try:
        for stimulus in plain.stimuli:
            worked.apply(stimulus)
    except Endless:
        return 0
    one, other = (_log(pair.core) for pair in (plain, worked))
    assert one == other, f"seed {seed}: closures and answers gave different events"
    return worked.core.asked


def _log(core):
    """Envelopes and bodies; the expression's own text is as it was before the change, and the
    sentence of an error is left out: libjq and closures word it differently."""
    written = []
    for event in core.events:
        known = event.body
        if getattr(known, "error", None) is not None:
            known = replace(known, error=replace(known.error, message=""))
        body = encode_body(known).replace(HEAD.encode(), b"").replace(TAIL.encode(), b"")
        written.append((event.seq, event.at, event.frame, event.node, event.name, body))
    return written


def without_closures(document):
    """The definition, its filters, conditions and templates in a form that libjq alone reads."""
    return _changed(copy.deepcopy(document), ())


def _changed(value, path):
    if isinstance(value, list):
        return [_changed(item, path) for item in value]
    if isinstance(value, dict):
        return {key: _changed(item, (*path, key)) for key, item in value.items()}
    if not isinstance(value, str) or "://" in value or "python:" in value:
        return value
    if path[-1] in FILTERS or path[-2:] == ("eventDataFilter", "data"):
        return _hard(value)
    return f"${{ {_hard(value)} }}" if is_wrapped(value) and path[-1] not in _PLACES else value


_PLACES = frozenset(
    {"toStateData", "results", "outputCollection", "iterationParam", "contextAttributeValue"}
)


def _hard(text):
    program = f"{HEAD}{bare(text)}{TAIL}"
    assert compile_expression(program).closure is None
    return program
