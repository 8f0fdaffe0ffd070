"""Folding the events of executions that descend from another one."""

from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from engine.core.evolve.frames import Changes, written
from engine.model.event import Event
from engine.model.state import ExecutionState, Fork
from schemas.events import bodies


def execution_forked(state: ExecutionState, event: Event, body: bodies.ExecutionForked) -> Changes:
    """From here on another execution, with what was edited."""
    frames = dict(state.frames)
    for edit in body.edits:
        frames[edit.frame] = written(frames[edit.frame], edit.writes, {})
    changes: dict[str, Any] = {
        "workflow": body.workflow,
        "version": body.version,
        "definition_hash": body.definition_hash,
        "name": body.name,
        "start_key": body.start_key,
        "frames": frames,
        "fork": Fork(
            source=body.source,
            at=body.at,
            seq=event.seq,
            policy=body.policy,
            events={one.position: one for one in body.events},
        ),
    }
    if body.input is not UNSET:
        changes["input"] = body.input
    if state.is_imported:
        changes["suspended"] = None  # only what was brought here from elsewhere stands for ever
    return changes


def answered(fork: Fork | None, path: str, occurrence: int) -> Changes:
    """Count the call (or the wait of a callback) under its path."""
    if fork is None or not occurrence:
        return {}
    return {"fork": replace(fork, counts={**fork.counts, path: occurrence})}
