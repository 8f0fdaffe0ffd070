"""Operation state -> a chain of acts, or a fork of them (DSL 0.8, "Operation State")."""

from engine.dialects.cncf_v08.actions import ActionLowering
from engine.dialects.cncf_v08.compilation import Compilation
from engine.dialects.cncf_v08.timeouts import action_limits
from schemas.dsl.cncf_v08 import OperationState


def lower(compilation: Compilation, state: OperationState, pointer: str) -> str | None:
    """The state's first node."""
    actions = ActionLowering(compilation, action_limits(compilation, state, pointer))
    place = f"{pointer}/actions"
    return actions.body(state.actions, state.action_mode, place, pointer, state.name)
