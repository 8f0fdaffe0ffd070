"""The execution as a whole: ended, suspended, not taken by an engine; and all reasons together."""

from engine.model.state import ExecutionState, Held
from engine.ports.rows import InboxRow
from schemas.api.answers import ErrorFact
from schemas.api.why import EngineStanding, Hold, Reason, Why
from schemas.events.bodies import ExecutionCancelled, GatheringExpired
from server.api.door.times import format_time
from server.api.past.describe import error_members
from server.api.past.reading import status_of
from server.api.reasons.case import Case, place_of
from server.api.reasons.waits import waits
from server.api.reasons.words import capital, counted, lasting, listed
from server.api.reasons.work import actions, deadline_of_timer, joins, timers

MAX_REASONS = 50
PATIENCE_MS = 5_000
"""What an engine has not done after so long is told as a fault, not as work under way."""

_ROWS = {
    "start": "its start",
    "fork": "its fork from another execution",
    "import": "its import",
    "forked": "the note that it was forked",
    "callback": "the answer to a callback",
    "cancel": "the request to cancel it",
    "hint": "the word that a CloudEvent may match",
    "suspend": "the request to suspend it",
    "resume": "the request to resume it",
}


_BEGINNINGS = ("start", "fork", "import")


def why(case: Case) -> Why:
    """The whole answer."""
    state = case.state
    reasons = _begun(case, state) if state is not None else [_not_begun(case)]
    standing = case.standing
    return Why(
        execution=case.name,
        workflow=state.workflow if state is not None and state.workflow else None,
        version=state.version if state is not None and state.version else None,
        status="running" if state is None else status_of(state),
        at=format_time(case.now),
        last_seq=0 if state is None else state.seq,
        last_event_at=None if state is None else format_time(state.at),
        summary=_summary(case, reasons),
        reasons=reasons[:MAX_REASONS],
        more=max(0, len(reasons) - MAX_REASONS),
        engine=EngineStanding(
            shard=standing.shard,
            owner=standing.owner,
            lease_until=format_time(standing.expires_at) if standing.expires_at else None,
            lease_valid=case.is_owned,
            living=list(standing.engines),
            inbox_rows=standing.rows,
            oldest_row_at=None if standing.oldest_at is None else format_time(standing.oldest_at),
            rows_for_it=[row.kind for row in case.rows],
        ),
    )


def _begun(case: Case, state: ExecutionState) -> list[Reason]:
    if state.closed:
        return [_closed(case, state)]
    engine = [*_unowned(case), *_not_taken(case), *_overdue(case, state)]
    held = [] if state.suspended is None else [_suspended(case, state)]
    opened = [*waits(case, state), *timers(case, state), *actions(case, state)]
    found = [*held, *engine, *opened, *joins(state)]
    return found or [_under_way(case, state)]


def _summary(case: Case, reasons: list[Reason]) -> str:
    """Who it is, how it is, and the reasons that say most."""
    state = case.state
    status = "accepted, but not begun" if state is None else status_of(state).replace("_", " ")
    named = f"{state.workflow} {state.version}" if state is not None and state.workflow else ""
    head = f"{case.name}{f' ({named})' if named else ''} is {status}."
    told = [one for one in reasons if one.kind != "join"] or reasons
    texts = [capital(one.text) for one in told[:2]]
    rest = len(told) - len(texts)
    more = [f"{counted(rest, 'more reason')} below."] if rest else []
    return " ".join([head, *texts, *more])


def _not_begun(case: Case) -> Reason:
    """It was accepted, and no engine has written its first event."""
    row = next((one for one in case.rows if one.kind in _BEGINNINGS), None)
    since = f" since {lasting(case.now - row.at)}" if row is not None else ""
    ahead = case.standing.rows - len(case.rows)
    what = capital(_ROWS["start" if row is None else row.kind])
    text = f"{what} lies in the inbox of shard {case.standing.shard}{since}. {_engine(case)}"
    if case.is_owned and ahead > 0:
        text += f" {counted(ahead, 'other row')} of this inbox are waiting too."
    late = row is not None and case.now - row.at > PATIENCE_MS
    if case.is_owned and late:
        text += f" {_quarantine(case)}"
    return Reason(
        kind="not_begun" if case.is_owned else "no_engine",
        since=None if row is None else format_time(row.at),
        text=text,
        unblock=_engine_advice(case, late=late),
    )


def _engine(case: Case) -> str:
    """Who has the shard."""
    standing = case.standing
    living = len(standing.engines)
    if case.is_owned:
        return f"Engine {standing.owner} holds the shard."
    if standing.owner is None:
        had = "No engine holds the shard"
    else:
        ago = lasting(case.now - standing.expires_at)
        had = f"Engine {standing.owner} had the shard, its lease ran out {ago} ago"
    if living:
        return f"{had}; {counted(living, 'engine')} live and one of them takes it within seconds."
    return f"{had}; no engine lives."


def _engine_advice(case: Case, *, late: bool) -> list[str]:
    if not case.is_owned and not case.standing.engines:
        return ["Start an engine: refold serve --role engine, or refold up"]
    if late and case.is_owned:
        return [f"Look into the log of engine {case.standing.owner} for {case.name}."]
    return ["Nothing is to be done: an engine takes it."]


def _unowned(case: Case) -> list[Reason]:
    if case.is_owned:
        return []
    return [
        Reason(
            kind="no_engine",
            since=format_time(case.standing.expires_at) if case.standing.expires_at else None,
            text=f"Nothing of it moves: {_engine(case)}",
            unblock=_engine_advice(case, late=True),
        )
    ]


def _not_taken(case: Case) -> list[Reason]:
    """What came for it from outside and no engine has taken."""
    late = [row for row in case.rows if case.now - row.at > PATIENCE_MS]
    if not late or not case.is_owned:
        return []
    names = listed(_row_name(row) for row in late)
    verb = "was" if len(late) == 1 else "were"
    oldest = late[0].at
    return [
        Reason(
            kind="not_taken",
            since=format_time(oldest),
            text=f"{capital(names)} {verb} accepted {lasting(case.now - oldest)} ago and not taken"
            f" yet. {_quarantine(case)}",
            unblock=_engine_advice(case, late=True),
        )
    ]


def _row_name(row: InboxRow) -> str:
    name = _ROWS.get(row.kind, f"a {row.kind}")
    return f"{name} (CloudEvent {row.position})" if row.kind == "hint" else f"{name} by {row.actor}"


def _quarantine(case: Case) -> str:
    """What is likely, as no other process can know it."""
    return (
        f"The shard's owner {case.standing.owner} lives and has not taken it: it is very busy, or "
        "it has put this execution in quarantine after a fault, from which it tries again each "
        "minute; its log says which."
    )


def _overdue(case: Case, state: ExecutionState) -> list[Reason]:
    """Timers and calls that should have ended, though an engine holds the shard."""
    if not case.is_owned:
        return []
    late = [
        (timer.due, f"a timer of {place_of(state, timer.frame) or 'the execution'}")
        for timer in state.timers.values()
    ]
    late += [
        (action.at + action.call.timeout_ms, f"the time limit of action {action.name}")
        for action in state.actions.values()
        if action.call.timeout_ms
    ]
    late = sorted(one for one in late if case.now - one[0] > PATIENCE_MS)
    if not late:
        return []
    since, what = late[0]
    return [
        Reason(
            kind="overdue",
            since=format_time(since),
            text=f"{capital(what)} was over {lasting(case.now - since)} ago, and nothing followed. "
            f"{_quarantine(case)}",
            unblock=_engine_advice(case, late=True),
        )
    ]


def _suspended(case: Case, state: ExecutionState) -> Reason:
    """Somebody, or a breakpoint, holds it."""
    suspension = state.suspended
    assert suspension is not None, "asked for one that is suspended"
    held = [_held(state, one) for one in state.held.values()]
    text = f"It is held since {lasting(case.now - suspension.at)}: {_cause(case)}"
    unblock = [f"refold exec resume {case.name}", f"One step: refold exec step {case.name}"]
    if state.is_imported:
        unblock = [f"refold exec fork {case.name} --at {state.seq}"]
    elif held:
        text += f" Next comes {listed(held)}."
    else:
        text += " Nothing has come up to be entered yet; what runs goes on to its end."
    release = next((one for one in state.timers.values() if one.purpose == "hold"), None)
    if release is not None:
        text += f" It is let go by itself in {lasting(release.due - case.now)}."
    return Reason(
        kind="suspended",
        since=format_time(suspension.at),
        text=text,
        unblock=unblock,
        hold=Hold(
            reason=suspension.reason,
            actor=suspension.actor,
            at=format_time(suspension.at),
            words=suspension.asked.reason or None,
            breakpoint=suspension.breakpoint,
            condition=suspension.condition,
            held=held,
        ),
        deadline=None if release is None else deadline_of_timer(case, release, "it is let go"),
    )


def _cause(case: Case) -> str:
    suspension = case.state.suspended if case.state is not None else None
    assert suspension is not None, "asked for one that is suspended"
    words = f", saying {suspension.asked.reason!r}" if suspension.asked.reason else ""
    if suspension.reason == "breakpoint":
        condition = f", as {suspension.condition} was true" if suspension.condition else ""
        return f"breakpoint {suspension.breakpoint} was met{condition}."
    if suspension.reason == "step":
        return "a step is done."
    if suspension.reason == "paused":
        return f"paused by {suspension.actor}{words}."
    if suspension.reason == "imported":
        return f"it was imported by {suspension.actor}{words}: it never goes on, its forks do."
    return f"it was {suspension.reason} by {suspension.actor}{words} and is to be resumed."


def _held(state: ExecutionState, held: Held) -> str:
    place = place_of(state, held.frame)
    if not held.node:
        return f"the end of {place or 'the execution'}"
    what = {"call": f"the call of {held.name}", "retry": f"the next attempt of {held.name}"}.get(
        held.stage, held.name
    )
    return f"{what} in {place}" if place else f"state {held.name}"


def _closed(case: Case, state: ExecutionState) -> Reason:
    """It ended: nothing moves it any more."""
    closed_at = state.closed_at or state.at
    ago = f"{lasting(case.now - closed_at)} ago"
    lasted = f", after {lasting(closed_at - state.started_at)}" if state.started_at else ""
    members = error_members(state.error)
    text, unblock = f"It completed {ago}{lasted}.", list[str]()
    if state.phase == "failed" and members is not None:
        text = (
            f"It failed {ago}{lasted}{_failed_at(members)}: {members['code']}: {members['message']}"
        )
        unblock = [
            "Remove the cause, then try again from the state that failed, in a new execution that "
            f"begins with this one's history: refold exec redrive {case.name}",
        ]
    elif state.phase == "cancelled":
        text, unblock = _cancelled(case, ago, lasted), ["Start another: refold exec start"]
    elif state.phase == "expired":
        text, unblock = _expired(case, ago), ["Send all of its CloudEvents in time."]
    return Reason(
        kind="closed",
        since=format_time(closed_at),
        text=text,
        unblock=unblock,
        error=None if members is None else ErrorFact(**members),
    )


def _failed_at(members: dict[str, object]) -> str:
    named = [
        members["state"] and f"state {members['state']}",
        members["action"] and f"action {members['action']}",
    ]
    place = ", ".join(str(one) for one in named if one)
    return f" in {place}" if place else ""


def _cancelled(case: Case, ago: str, lasted: str) -> str:
    text = f"It was cancelled {ago}{lasted}"
    if case.end is None:
        return f"{text}."
    text += f" by {case.end.actor}"
    body = case.end.body
    words = body.asked.reason if isinstance(body, ExecutionCancelled) else ""
    return f"{text}, saying {words!r}." if words else f"{text}."


def _expired(case: Case, ago: str) -> str:
    body = None if case.end is None else case.end.body
    missing = body.missing if isinstance(body, GatheringExpired) else ()
    return (
        f"Not all CloudEvents of this start came in time, so no execution was made; it expired "
        f"{ago}. Missing: {listed(missing)}."
    )


def _under_way(case: Case, state: ExecutionState) -> Reason:
    """Nothing is open in its log, so the engine is at work on it, or cannot."""
    quiet_ms = case.now - state.at
    text = f"Nothing is open in its log: its engine goes on by itself. {_engine(case)}"
    if quiet_ms > PATIENCE_MS:
        text += f" Its last event is {lasting(quiet_ms)} old. {_quarantine(case)}"
    return Reason(
        kind="under_way",
        since=format_time(state.at),
        text=text,
        unblock=_engine_advice(case, late=quiet_ms > PATIENCE_MS),
    )
