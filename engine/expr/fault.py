"""The one way an expression fails: a stable code and a sentence that says what to do."""

from __future__ import annotations

from typing import Literal, TypeAlias

FaultCode: TypeAlias = Literal[
    "expression.syntax", "expression.refused", "expression.failed", "expression.limit"
]


class ExpressionFault(Exception):
    """An expression that cannot be compiled, or an evaluation that ended in an error.

    `expression.syntax`: the text is surely not jq. `expression.refused`: it names something that
    workflow expressions may not use. `expression.failed`: jq's own run-time error.
    `expression.limit`: it took more steps, or built a larger value, than is allowed.
    """

    def __init__(self, code: FaultCode, message: str) -> None:
        super().__init__(message)
        self.code: FaultCode = code
        self.message = message
        self.source = ""
        """The expression, where the one who evaluated it has said so."""


def failed(message: str) -> ExpressionFault:
    """A run-time error of the expression on this input."""
    return ExpressionFault("expression.failed", message)
