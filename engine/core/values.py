"""Values of expressions during a step: by compiled closures, or from answers given to the step.

An expression without a closure that has no answer yet raises `Pending`; the step collects what is
pending and asks for all of it at once.
"""

from collections.abc import Mapping
from typing import Any, cast

from engine.core.merge import put_at
from engine.expr import Expression, ExpressionFault, compile_expression, single
from engine.expr.fault import FaultCode
from engine.model.evaluation import EvalAnswer, EvalRequest
from engine.model.program import Template
from schemas.json_text import dumps, loads


class Pending(Exception):
    """An expression needs a worker's answer."""

    def __init__(self, request: EvalRequest) -> None:
        super().__init__(request.source)
        self.request = request


class Values:
    """Evaluates with the answers at hand."""

    __slots__ = ("answers",)

    def __init__(self, answers: Mapping[EvalRequest, EvalAnswer]) -> None:
        self.answers = answers

    def outputs(self, source: str, data: Any, variables: Mapping[str, Any]) -> list[Any]:
        """All outputs. Raises ExpressionFault (which names the source then), Pending."""
        try:
            expression = compile_expression(source)
            used = {name: variables[name] for name in expression.variables if name in variables}
            if expression.closure is not None:
                return expression.closure(data, used)
            return self._answered(expression, data, used)
        except ExpressionFault as fault:
            fault.source = source
            raise

    def one(self, source: str, data: Any, variables: Mapping[str, Any]) -> Any:
        """The value: no output is null, several are an array. Raises ExpressionFault, Pending."""
        return single(self.outputs(source, data, variables))

    def fill(self, template: Template, data: Any, variables: Mapping[str, Any]) -> Any:
        """The template with its expressions evaluated. Raises ExpressionFault, Pending."""
        filled = template.base
        for path, source in template.expressions:
            filled = put_at(filled, path, self.one(source, data, variables))
        return filled

    def _answered(self, expression: Expression, data: Any, used: Mapping[str, Any]) -> list[Any]:
        request = EvalRequest(expression.source, dumps(data), dumps(used))
        answer = self.answers.get(request)
        if answer is None:
            raise Pending(request)
        if answer.outputs is None:
            code = cast("FaultCode", answer.error_code or "expression.failed")
            raise ExpressionFault(code, answer.error or "the expression failed")
        outputs: list[Any] = loads(answer.outputs)
        return outputs
