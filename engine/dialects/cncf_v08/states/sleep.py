"""Sleep state -> timer (DSL 0.8, "Sleep State")."""

from engine.dialects.cncf_v08.compilation import Compilation
from engine.model.program import Timer
from schemas.dsl.cncf_v08 import SleepState


def lower(compilation: Compilation, state: SleepState, pointer: str) -> str:
    """The state's first node."""
    place = f"{pointer}/duration"
    length_ms = compilation.duration_ms(state.duration, place) or 0
    return compilation.add(Timer(id=place, name=state.name, scope=pointer, duration_ms=length_ms))
