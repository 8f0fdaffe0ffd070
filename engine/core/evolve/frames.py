"""Frames: how scopes open and close, and how writes reach their data."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from engine.core.merge import apply, with_value
from engine.model.state import ExecutionState, Frame
from schemas.events.parts import Write

Changes = dict[str, Any]
"""Fields of ExecutionState that an event changes."""


def without(table: dict[int, Any], keys: Iterable[int]) -> dict[int, Any]:
    """A copy of the table without these keys."""
    left = dict(table)
    for key in keys:
        left.pop(key, None)
    return left


def written(frame: Frame, writes: Iterable[Write], facts: Mapping[str, Any]) -> Frame:
    """The frame after the writes. `facts`: what each `of` stands for. A branch or iteration keeps a
    journal of what was written, for the join."""
    data, journal = frame.data, frame.journal
    keeps = frame.kind in ("branch", "iteration")
    for write in writes:
        value = write.value if write.of is None else facts[write.of]
        data = apply(data, write, value)
        if keeps:
            journal = (*journal, with_value(write, value))
    return replace(frame, data=data, journal=journal)


def descendants(state: ExecutionState, frame_id: int) -> set[int]:
    """Ids of all frames inside the frame, not the frame itself."""
    inside: set[int] = set()
    for frame in state.frames.values():  # frames are in order of opening: parents come first
        if frame.parent == frame_id or frame.parent in inside:
            inside.add(frame.id)
    return inside


def closed(state: ExecutionState, gone: set[int]) -> Changes:
    """Changes that remove these frames with every call, timer and wait that is open in them,
    and what is held in them."""
    changes: Changes = {"frames": without(state.frames, gone)}
    for table in ("actions", "timers", "waits", "failed", "held"):
        entries = getattr(state, table)
        dead = [key for key, entry in entries.items() if entry.frame in gone]
        if dead:
            changes[table] = without(entries, dead)
    return changes


def closed_subtree(state: ExecutionState, frame_id: int) -> Changes:
    """Changes that close the frame with everything inside."""
    if len(state.frames) <= 2:  # the common case: one state inside the execution, nothing deeper
        return closed(state, {frame_id})
    return closed(state, descendants(state, frame_id) | {frame_id})
