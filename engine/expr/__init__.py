"""jq expressions of workflow definitions: text, compiled, value.

Pure: no clock, no environment, no files, no randomness. Most expressions compile to closures that
give what libjq 1.8 gives, within a budget of steps and size; the rest are left to killable workers.
"""

from engine.expr.fault import ExpressionFault, FaultCode
from engine.expr.json_text import MAX_DEPTH, JsonFault, Value, dumps, loads
from engine.expr.order import equal, order
from engine.expr.program import Closure, Expression, compile_expression, plain_path, single, unwrap
from schemas.numbers import LiteralNumber

__all__ = [
    "MAX_DEPTH",
    "Closure",
    "Expression",
    "ExpressionFault",
    "FaultCode",
    "JsonFault",
    "LiteralNumber",
    "Value",
    "compile_expression",
    "dumps",
    "equal",
    "loads",
    "order",
    "plain_path",
    "single",
    "unwrap",
]
