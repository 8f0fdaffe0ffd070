"""Data filters -> selections: what of a result or payload goes where (DSL 0.8, "Data filters")."""

from engine.dialects.cncf_v08.compilation import Compilation
from engine.expr import compile_expression
from engine.model.program import DataSelection, Text
from schemas.dsl.cncf_v08 import ActionDataFilter, EventDataFilter

DEFAULT_PLACE = "response"
"""Where a result goes that is no object and has no place of its own."""


def of_result(
    compilation: Compilation, given: ActionDataFilter | None, pointer: str, *, in_iteration: bool
) -> DataSelection:
    """The selection of an action's result. In an iteration a plain result is the iteration's; else
    it gets a place of its own, and the author is told which."""
    results = given.results if given else None
    to_state_data = given.to_state_data if given else None
    filter_pointer = f"{pointer}/actionDataFilter"
    if given is not None and not given.use_results:
        return DataSelection(use=False, pointer=filter_pointer)
    select = compilation.expressions.optional(results, f"{filter_pointer}/results")
    if to_state_data is not None:
        return _placed(compilation, select, to_state_data, filter_pointer)
    place = None
    if not in_iteration:
        place = _plain_place(select)
        _tell(compilation, select, place, pointer)
    return DataSelection(select=select, path_for_plain=place, pointer=_nearest(given, pointer))


def of_payload(
    compilation: Compilation, given: EventDataFilter | None, pointer: str
) -> DataSelection:
    """The selection of a CloudEvent's payload. `pointer`: of the part that has the filter."""
    filter_pointer = f"{pointer}/eventDataFilter"
    if given is None:
        return DataSelection(pointer=pointer)
    if not given.use_data:
        return DataSelection(use=False, pointer=filter_pointer)
    select = compilation.expressions.optional(given.data, f"{filter_pointer}/data")
    if given.to_state_data is None:
        return DataSelection(select=select, pointer=filter_pointer)
    return _placed(compilation, select, given.to_state_data, filter_pointer)


def _placed(
    compilation: Compilation, select: Text | None, to_state_data: str, pointer: str
) -> DataSelection:
    path = compilation.expressions.path(to_state_data, f"{pointer}/toStateData")
    return DataSelection(select=select, path=path or (), pointer=f"{pointer}/toStateData")


def _nearest(given: ActionDataFilter | None, pointer: str) -> str:
    return pointer if given is None else f"{pointer}/actionDataFilter"


def _plain_place(select: Text | None) -> tuple[str]:
    path = compile_expression(select.source).path if select is not None else None
    last = path[-1] if path else None
    return (last if isinstance(last, str) else DEFAULT_PLACE,)


def _tell(compilation: Compilation, select: Text | None, place: tuple[str], pointer: str) -> None:
    if select is None:
        compilation.plain_results.append(pointer)
        return
    compilation.findings.warn(
        "definition.result.place",
        f"{pointer}/actionDataFilter/results",
        f"if this gives a text, number or array, it goes to `.{place[0]}` of the data;"
        " name another place with toStateData",
    )


def tell_of_plain_results(compilation: Compilation) -> None:
    """One warning for all actions whose whole result is merged into the data."""
    if compilation.plain_results:
        more = len(compilation.plain_results) - 1
        others = f" (so do {more} more actions)" if more else ""
        compilation.findings.warn(
            "definition.result.place",
            compilation.plain_results[0],
            f"if the result of this action{others} is a text, number or array, it goes to"
            f" `.{DEFAULT_PLACE}` of the data; name another place with toStateData",
        )
