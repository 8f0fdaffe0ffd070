"""Event state -> listen, and the actions of its entries (DSL 0.8, "Event State").

`exclusive` (the default): one event of any entry decides, and its entry's actions run. Otherwise
every event of every entry must come, then the actions of all entries run in the order of the text.
An expired eventTimeout leaves the state without any action.
"""

from engine.dialects.cncf_v08 import selections
from engine.dialects.cncf_v08.actions import ActionLowering
from engine.dialects.cncf_v08.compilation import Compilation
from engine.dialects.cncf_v08.events import check_known_at_start, consumed
from engine.dialects.cncf_v08.timeouts import action_limits, event_timeout_ms
from engine.model.program import EventDefinition, Listen, Listening, Trigger
from schemas.dsl.cncf_v08 import EventState, OnEvents


def lower(compilation: Compilation, state: EventState, pointer: str) -> str:
    """The state's first node."""
    actions = ActionLowering(compilation, action_limits(compilation, state, pointer))
    entries: list[Listening] = []
    following: str | None = None
    for number in reversed(range(len(state.on_events))):
        place = f"{pointer}/onEvents/{number}"
        entry = _entry(compilation, state.on_events[number], place)
        body = actions.body(
            state.on_events[number].actions, state.on_events[number].action_mode,
            f"{place}/actions", pointer, state.name, None if state.exclusive else following,
        )  # fmt: skip
        following = body
        entries.insert(0, _with_body(entry, body))
    node = Listen(
        id=f"{pointer}/onEvents", name=state.name, scope=pointer,
        mode="any" if state.exclusive else "all", entries=tuple(entries),
        timeout_ms=event_timeout_ms(compilation, state, pointer),
    )  # fmt: skip
    return compilation.add(node)


def _entry(compilation: Compilation, given: OnEvents, pointer: str) -> Listening:
    for number, name in enumerate(given.event_refs):
        if name in given.event_refs[:number]:
            message = f"the event {name!r} is there already; remove one of the two"
            place = f"{pointer}/eventRefs/{number}"
            compilation.findings.error("definition.event.repeated", place, message)
    found = (
        consumed(compilation, name, f"{pointer}/eventRefs/{number}")
        for number, name in enumerate(given.event_refs)
    )
    return Listening(
        id=pointer, name=", ".join(given.event_refs),
        events=tuple(one for one in found if one is not None),
        selection=selections.of_payload(compilation, given.event_data_filter, pointer),
    )  # fmt: skip


def _with_body(entry: Listening, body: str | None) -> Listening:
    return Listening(entry.id, entry.name, entry.events, entry.selection, body)


def trigger_of(compilation: Compilation, state: EventState, pointer: str) -> Trigger | None:
    """What starts executions, when the start state is an event state."""
    listen = compilation.nodes[f"{pointer}/onEvents"]
    assert isinstance(listen, Listen)
    for number, entry in enumerate(state.on_events):
        for place, name in enumerate(entry.event_refs):
            check_known_at_start(
                compilation, name, f"{pointer}/onEvents/{number}/eventRefs/{place}"
            )
    events: dict[str, EventDefinition] = {
        event.ref: event for entry in listen.entries for event in entry.events
    }
    if listen.mode == "any" and listen.timeout_ms is not None and state.timeouts is not None:
        compilation.findings.warn(
            "definition.timeout.unused",
            f"{pointer}/timeouts",
            "an eventTimeout means nothing while this state waits to start an execution",
        )
    return Trigger(
        node=pointer, listen=listen.id, mode=listen.mode, events=tuple(events.values()),
        timeout_ms=listen.timeout_ms if listen.mode == "all" else None,
    )  # fmt: skip
