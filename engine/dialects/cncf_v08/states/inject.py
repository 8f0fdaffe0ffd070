"""Inject state -> pass: its data is static and merged as it stands (DSL 0.8, "Inject State")."""

from typing import Any

from engine.dialects.cncf_v08.compilation import Compilation
from engine.dialects.source import escape
from engine.expr import unwrap
from engine.model.program import DataSelection, Pass, Template
from schemas.dsl.cncf_v08 import InjectState


def lower(compilation: Compilation, state: InjectState, pointer: str) -> str:
    """The state's first node."""
    place = f"{pointer}/data"
    _warn_of_expressions(compilation, state.data, place)
    node = Pass(
        id=place, name=state.name, scope=pointer, data=Template(state.data),
        selection=DataSelection(pointer=place),
    )  # fmt: skip
    return compilation.add(node)


def _warn_of_expressions(compilation: Compilation, value: Any, pointer: str) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _warn_of_expressions(compilation, item, f"{pointer}/{escape(key)}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _warn_of_expressions(compilation, item, f"{pointer}/{number}")
    elif isinstance(value, str) and unwrap(value) is not None:
        compilation.findings.warn(
            "definition.inject.literal",
            pointer,
            "injected data is static: this text is not evaluated; use a function of type"
            " expression, or stateDataFilter.output",
        )
