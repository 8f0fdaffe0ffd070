"""Callback state -> act, then listen (DSL 0.8, "Callback State").

The wait can be answered by the CloudEvent or with the callback's token. An expired eventTimeout
goes on to the state's transition or end.
"""

from engine.dialects.cncf_v08 import selections
from engine.dialects.cncf_v08.actions import ActionLowering
from engine.dialects.cncf_v08.compilation import Compilation
from engine.dialects.cncf_v08.events import consumed
from engine.dialects.cncf_v08.timeouts import action_limits, event_timeout_ms
from engine.model.program import Listen, Listening
from schemas.dsl.cncf_v08 import CallbackState


def lower(compilation: Compilation, state: CallbackState, pointer: str) -> str:
    """The state's first node."""
    place = f"{pointer}/eventRef"
    event = consumed(compilation, state.event_ref, place)
    entry = Listening(
        id=f"{place}#entry", name=state.event_ref, events=(event,) if event else (),
        selection=selections.of_payload(compilation, state.event_data_filter, pointer),
    )  # fmt: skip
    listen = Listen(
        id=place, name=state.name, scope=pointer, mode="any", entries=(entry,),
        timeout_ms=event_timeout_ms(compilation, state, pointer), callback=True,
    )  # fmt: skip
    actions = ActionLowering(compilation, action_limits(compilation, state, pointer))
    return actions.act(
        state.action, f"{pointer}/action", pointer, compilation.add(listen), callback=True
    )
