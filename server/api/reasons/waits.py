"""Waits for CloudEvents and callbacks: what is lacking, what came near, what sends it."""

from engine.core.matching import Predicate, wanted_value
from engine.core.timetravel.nearest import NearMiss, near_misses, taken_now
from engine.model.ids import callback_token
from engine.model.program import Listen
from engine.model.state import ExecutionState, RunningTimer, Wait
from engine.ports.rows import DeadLetter
from schemas.api.why import (
    CallbackDue,
    Deadline,
    FailedPredicate,
    Near,
    Reason,
    RefusedMessage,
    WantedAttribute,
    WantedEvent,
)
from schemas.events.parts import EventFilter
from server.api.door.times import format_time
from server.api.reasons.case import Case, place_of, state_of
from server.api.reasons.words import capital, command_line, counted, lasting, listed


def waits(case: Case, state: ExecutionState) -> list[Reason]:
    """One reason for each open wait, callbacks among them."""
    return [_wait(case, state, wait) for wait in state.waits.values()]


def _wait(case: Case, state: ExecutionState, wait: Wait) -> Reason:
    events = [_wanted(case, state, wait, one) for one in wait.filters]
    lacking = [one for one in events if not one.received]
    place = place_of(state, wait.frame)
    subject = place or f"the start of {state.workflow}"
    callback = _callback(case, wait) if wait.callback else None
    text = f"{capital(subject)} has waited {lasting(case.now - wait.at)} for "
    text += _what(wait, lacking, len(events))
    limit = deadline_of(case, state, wait)
    if limit is not None:
        text += f"; {_limit_words(limit)}"
    text += "." + _came(case, lacking)
    unblock = []
    if callback is not None:
        unblock.append(f"Answer the callback: {callback.command}")
    unblock += [f"Send {one.type}: {one.publish}" for one in lacking if one.publish is not None]
    return Reason(
        kind="callback" if wait.callback else "event",
        state=state_of(state, wait.frame) or wait.name or None,
        place=place or None,
        frame=wait.frame or None,
        since=format_time(wait.at),
        text=text,
        unblock=unblock,
        mode=wait.mode,
        events=events,
        deadline=limit,
        callback=callback,
    )


def _what(wait: Wait, lacking: list[WantedEvent], total: int) -> str:
    named = [_named(one) for one in lacking]
    if wait.callback:
        return f"the answer to its callback, or a CloudEvent {listed(named)}"
    if wait.mode == "all" and total > 1:
        have = total - len(lacking)
        so_far = f" (it has {have} of {total})" if have else ""
        return f"{counted(len(lacking), 'CloudEvent')}{so_far}: {listed(named)}"
    if len(named) > 1:
        return f"one of {len(named)} CloudEvents: {listed(named)}"
    return f"a CloudEvent {listed(named)}"


def _named(one: WantedEvent) -> str:
    parts = [f"of type {one.type}"]
    if one.source is not None:
        parts.append(f"from {one.source}")
    parts += [_correlated(each) for each in one.correlation]
    return " ".join(parts)


def _correlated(one: WantedAttribute) -> str:
    return f"with any {one.name}" if one.wanted is None else f"with {one.name} = {one.wanted}"


def _came(case: Case, lacking: list[WantedEvent]) -> str:
    """What of the stream has to do with it: what arrives, else the nearest miss."""
    arriving = sorted({position for one in lacking for position in one.arriving})
    if arriving:
        text = f" CloudEvent {arriving[0]} matches and is on its way to the execution"
        if case.matched < arriving[0]:
            text += f": the matcher has read the stream up to {case.matched} of {case.head}"
        return f"{text}. If it stays so, look at the engine."
    nearest = [one.near[0] for one in lacking if one.near]
    if nearest:
        best = min(nearest, key=lambda miss: miss.asked - miss.passed)
        return f" The nearest that came is at position {best.position}: {best.text}."
    refused = [message for one in lacking for message in one.refused]
    if refused:
        message = refused[0]
        return (
            f" A message that names this type was refused: dead letter {message.dead_letter}, "
            f"{message.code}: {message.reason}"
        )
    looked = all(one.looked_back_to is not None for one in lacking)
    return " Nothing like it has come." if looked else ""


def _wanted(case: Case, state: ExecutionState, wait: Wait, one: EventFilter) -> WantedEvent:
    correlation = [
        WantedAttribute(name=name, wanted=wanted_value(state, name, fixed))
        for name, fixed in one.correlation
    ]
    wanted = WantedEvent(
        ref=one.ref,
        type=one.type,
        source=one.source,
        correlation=correlation,
        after=one.after,
        received=one.ref in wait.received,
    )
    if wanted.received:
        return wanted
    wanted.publish = _publish(case, wanted)
    sought = case.sought.get((wait.id, one.ref))
    if sought is None:
        return wanted
    wanted.looked_back_to = sought.back_to
    fresh = [one for one in sought.candidates if one.event.position not in wait.taken]
    wanted.arriving = taken_now(state, one, fresh)
    wanted.near = [near_members(miss) for miss in near_misses(state, wait, one, sought.candidates)]
    wanted.refused = [refused_members(letter) for letter in sought.letters]
    return wanted


def _publish(case: Case, one: WantedEvent) -> str:
    """A command whose CloudEvent satisfies the filter; a wildcard stands for a segment `x`."""
    words = ["refold", "event", "publish", "--type", one.type]
    if one.source is not None:
        words += ["--source", one.source.replace("+", "x").replace("#", "x")]
    for each in one.correlation:
        value = "VALUE" if each.wanted is None else each.wanted
        if each.name == "subject":
            words += ["--subject", value]
        else:
            words += ["--ext", f"{each.name}={value}"]
    if case.namespace != "default":
        words += ["--namespace", case.namespace]
    return command_line(*words, "--data", "{}")


def _callback(case: Case, wait: Wait) -> CallbackDue:
    token = callback_token(case.secret, case.execution_id, wait.frame)
    url = f"{case.origin}/v1/namespaces/{case.namespace}/callbacks/{token}"
    words = ["refold", "exec", "callback", token, "--data", "{}"]
    if case.namespace != "default":
        words += ["--namespace", case.namespace]
    return CallbackDue(
        token=token,
        curl=command_line("curl", "-H", "Content-Type: application/json", "-d", "{}", url),
        command=command_line(*words),
    )


def deadline_of(case: Case, state: ExecutionState, wait: Wait) -> Deadline | None:
    """When the wait times out, and what happens then."""
    timer = _timer_of(state, wait)
    if timer is None:
        return None
    return Deadline(
        purpose=timer.purpose,
        due=format_time(timer.due),
        remaining_ms=timer.due - case.now,
        then=_after_timeout(case, state, wait),
    )


def _timer_of(state: ExecutionState, wait: Wait) -> RunningTimer | None:
    timers = [one for one in state.timers.values() if one.subject == wait.id]
    return min(timers, key=lambda one: one.due, default=None)


def _after_timeout(case: Case, state: ExecutionState, wait: Wait) -> str:
    if state.phase == "gathering":
        return "the gathering expires and no execution is started"
    node = case.node(wait.node)
    if not isinstance(node, Listen):
        return "the wait ends without it"
    if node.on_timeout is not None:
        return case.target(node.on_timeout)
    return "the state goes on without it and without its actions"


def _limit_words(limit: Deadline) -> str:
    if limit.remaining_ms < 0:
        return f"its time was over {lasting(limit.remaining_ms)} ago, then {limit.then}"
    return f"it times out in {lasting(limit.remaining_ms)}, then {limit.then}"


def near_members(miss: NearMiss) -> Near:
    """A near miss as the API tells it."""
    return Near(
        position=miss.event.position,
        at=format_time(miss.at),
        id=miss.event.id,
        source=miss.event.source,
        type=miss.event.type,
        passed=miss.passed,
        asked=miss.asked,
        failed=predicate_members(miss.failed),
        text=miss.text,
    )


def predicate_members(failed: Predicate) -> FailedPredicate:
    """A predicate as the API tells it."""
    return FailedPredicate(
        kind=failed.kind, name=failed.name or None, wanted=failed.wanted, given=failed.given
    )


def refused_members(letter: DeadLetter) -> RefusedMessage:
    """A dead letter as the API tells it beside something else."""
    return RefusedMessage(
        dead_letter=letter.id,
        at=format_time(letter.at),
        origin=letter.origin,
        code=letter.code,
        reason=letter.reason,
    )
