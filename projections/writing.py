"""Writing a batch: which statements its changes are, with one array for each column."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from projections.views.changes import Changes

_astuple = msgspec.structs.astuple
Columns = list[list[Any]]


def statements_of(changes: Changes) -> Iterable[tuple[str, Columns]]:
    """The statements of a batch with their columns, in an order in which rows are there before
    they are changed."""
    for name, rows in _rows_of(changes):
        if rows:
            yield name, [list(column) for column in zip(*rows, strict=True)]


def _rows_of(changes: Changes) -> Iterable[tuple[str, Sequence[tuple[Any, ...]]]]:
    opened = changes.executions_opened
    yield (
        "open_execution",
        [(*_astuple(row), *_astuple(changes.executions[key])) for key, row in opened.items()],
    )
    yield (
        "change_execution",
        [(key, *_astuple(one)) for key, one in changes.executions.items() if key not in opened],
    )
    yield "drop_found", [pair for pair, holds in changes.found.items() if not holds]
    yield "add_found", sorted(pair for pair, holds in changes.found.items() if holds)
    yield "open_scope", [_astuple(one) for one in changes.scopes_opened.values()]
    yield "close_scope", [(*key, *_astuple(one)) for key, one in changes.scopes.items()]
    yield "end_scopes", [(key, *_astuple(one)) for key, one in changes.ended.items()]
    yield "open_attempt", [_astuple(one) for one in changes.attempts_opened.values()]
    yield "end_attempt", [(*key, *_astuple(one)) for key, one in changes.attempts.items()]
    yield "open_wait", [_astuple(one) for one in changes.waits_opened.values()]
    yield "change_wait", [(*key, *_astuple(one)) for key, one in changes.waits.items()]
    yield "add_taken", [_astuple(one) for one in changes.taken]
    yield "add_emitted", [_astuple(one) for one in changes.emitted]
    yield "add_command", [_astuple(one) for one in changes.commands]
