"""Executions of other installations, brought here to be looked at."""

from engine.core.decide.turn import Turn
from engine.model.command import ImportExecution
from engine.model.rejection import Rejection
from schemas.events import bodies


def note(turn: Turn, command: ImportExecution) -> Rejection | None:
    """Say where the log so far comes from; one that has not ended is held for good."""
    state = turn.state
    if state.phase == "new" or state.seq != command.body.events:
        return Rejection("import.incomplete", "its log is not copied as a whole")
    frame = 0 if state.closed else state.root
    turn.record(command.body, frame=frame)
    if not state.closed:
        turn.record(bodies.ExecutionSuspended(reason="imported"), frame=frame)
    return None
