"""Names that workflow expressions may not use, and the free variables of any jq program.

Both work on tokens, so they hold for programs that only a worker can run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from engine.expr.fault import ExpressionFault
from engine.expr.lexer import Kind, Token

_CLOCK: Final = "reads a clock; take times from the workflow data or from $WORKFLOW instead"
_HOST: Final = "would read from the machine the engine runs on; pass what you need as workflow data"
_STREAM: Final = "reads or writes a stream that workflow expressions do not have"
_HALT: Final = "would end the evaluator; use error(...) to fail, empty to select nothing"

REFUSED_NAMES: Final[dict[str, str]] = {
    "now": _CLOCK,
    "localtime": _CLOCK,
    "strflocaltime": _CLOCK,
    "env": _HOST,
    "import": _HOST,
    "include": _HOST,
    "module": _HOST,
    "modulemeta": _HOST,
    "get_search_list": _HOST,
    "get_jq_origin": _HOST,
    "get_prog_origin": _HOST,
    "input_filename": _HOST,
    "input": _STREAM,
    "inputs": _STREAM,
    "input_line_number": _STREAM,
    "debug": _STREAM,
    "stderr": _STREAM,
    "halt": _HALT,
    "halt_error": _HALT,
}
REFUSED_VARIABLES: Final[dict[str, str]] = {"ENV": _HOST, "__prog_args": _HOST}
_MODULE_KEYWORDS: Final = frozenset({"import", "include", "module"})


def refuse_names(tokens: Iterable[Token]) -> None:
    """Raise `expression.refused` for the first name that may not be used."""
    for token, is_key in _with_role(tokens):
        if token.kind is Kind.VARIABLE and (reason := REFUSED_VARIABLES.get(token.text)):
            raise ExpressionFault("expression.refused", f"${token.text} {reason}")
        is_name = token.kind is Kind.NAME or token.is_symbol(*_MODULE_KEYWORDS)
        if is_name and not is_key and (reason := REFUSED_NAMES.get(token.text)):
            raise ExpressionFault("expression.refused", f"{token.text} {reason}")


def free_variables(tokens: Iterable[Token]) -> frozenset[str]:
    """Variables a program names without binding them anywhere (`as`, parameters, labels)."""
    used: set[str] = set()
    bound: set[str] = {"__loc__"}
    binder = ""
    for token, _ in _with_role(tokens):
        if token.kind is Kind.SYMBOL:
            binder = _binder_after(token, binder)
        elif token.kind is Kind.VARIABLE:
            (bound if binder else used).add(token.text)
            binder = "" if binder == "label" else binder
    return frozenset(used - bound)


def _binder_after(token: Token, binder: str) -> str:
    """Whether a variable that follows is bound by the pattern or parameter list it stands in."""
    if token.is_symbol("as", "def", "label", "break"):
        return "label" if token.text == "break" else token.text
    if binder == "as" and token.is_symbol("|", "("):
        return ""
    if binder == "def" and token.is_symbol(":"):
        return ""
    return binder


def _with_role(tokens: Iterable[Token]) -> Iterator[tuple[Token, bool]]:
    """Each token, interpolated ones too, and whether it stands where an object has its keys."""
    brackets: list[str] = []
    before: Token | None = None
    for token in tokens:
        in_object = bool(brackets) and brackets[-1] == "{"
        yield token, in_object and before is not None and before.is_symbol("{", ",")
        for part in token.parts:
            if not isinstance(part, str):
                yield from _with_role(part)
        if token.is_symbol("(", "[", "{"):
            brackets.append(token.text)
        elif token.is_symbol(")", "]", "}") and brackets:
            brackets.pop()
        before = token
