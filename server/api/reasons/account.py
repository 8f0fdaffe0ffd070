"""What became of a CloudEvent, or of a message that is none, in a few sentences."""

from engine.ports.erasures import ERASED_TYPE
from engine.ports.evidence import StoredCloudEvent
from engine.ports.rows import DeadLetter
from schemas.api.why import Delivery, Explanation
from server.api.reasons.words import counted, lasting, listed

_ROLES = {
    "started": "It started",
    "resumed": "It satisfied a wait of",
    "kept": "It is kept, until others have come, by",
}

_ADVICE = {
    "cloudevent.conflict": "Give each CloudEvent an id of its own and send it again.",
    "namespace.invalid": "Publish to cloudevents.in.NAMESPACE.ANYTHING.",
    "trigger.unusable": "Apply a version of the definition that is free of faults, then send the "
    "CloudEvent again under another id.",
}

_ERASED = (
    "It was erased: its type, its data and its other attributes are gone for good. Its id, source, "
    "position, time and sender are kept, so that the same one again is still known as a duplicate. "
    "Whom it started or woke is told only as far as the data of those executions is not erased; "
    "the log of one that is erased, and who erased it, are still there: `refold admin erasures`."
)


def account(told: Explanation, stored: StoredCloudEvent, now: int) -> str:
    """The paragraph that comes first."""
    event = stored.event
    sentences = [
        f"CloudEvent {event.position} ({event.type}, id {event.id}, from {event.source}) was "
        f"stored {lasting(now - event.at)} ago, {_sender(told)}."
    ]
    if not told.matched:
        sentences.append(
            f"The matcher has not come to it yet: it has read up to {told.matcher_position} of "
            f"{told.head}. If it stays there, the engine that owns the stream's shard is away."
        )
    sentences += _taken(told)
    if told.pending:
        rows = counted(told.pending, "hint or offer")
        sentences.append(f"{rows} of it lie in inboxes that no engine has taken yet.")
    if event.type == ERASED_TYPE:
        sentences.append(_ERASED)
    elif not told.deliveries and told.matched:
        sentences.append(_nobody(told))
    if told.behind:
        events = counted(told.behind, "event")
        sentences.append(
            f"The read tables are {events} behind the log, so who took it may be more than this."
        )
    return " ".join(sentences)


def _sender(told: Explanation) -> str:
    if told.event.emitted_by is not None:
        return f"emitted by execution {told.event.emitted_by}"
    return f"sent by {told.event.actor}"


def _taken(told: Explanation) -> list[str]:
    """Who took it, by what it did there."""
    sentences: list[str] = []
    for role, words in _ROLES.items():
        names = [_named(one) for one in told.deliveries if one.role == role]
        if names:
            sentences.append(f"{words} {listed(names)}.")
    return sentences


def _named(one: Delivery) -> str:
    place = f", state {one.state}" if one.role != "started" and one.state else ""
    return f"{one.execution} ({one.workflow}{place})" if one.workflow else one.execution


def _nobody(told: Explanation) -> str:
    """Nobody took it: who came nearest, and what it failed there."""
    coming = [one for one in told.near_waits if one.failed is None]
    if coming:
        return f"It matches a wait of {coming[0].execution} and is on its way there."
    accepted = [one for one in told.triggers if one.accepted]
    if accepted:
        one = accepted[0]
        what = "joins a gathering of" if one.gathers else "starts"
        return f"It {what} {one.workflow} {one.version}, which no engine has dealt with yet."
    near = [
        f"the start of {one.workflow} {one.version} ({one.text})" for one in told.triggers[:1]
    ] + [f"state {one.state} of {one.execution} ({one.text})" for one in told.near_waits[:1]]
    if near:
        return f"Nobody took it. The nearest: {listed(near)}."
    return "Nobody took it, and nothing that is open or was active then wants anything like it."


def advice_on(letter: DeadLetter, now: int) -> tuple[str, str]:
    """What happened to a message that became a dead letter, and what to do."""
    summary = (
        f"Dead letter {letter.id} came from {letter.origin} {lasting(now - letter.at)} ago and was "
        f"refused as {letter.code}: {letter.reason} It is kept, and nobody was started or woken."
    )
    default = "Correct what the reason names and send it again; this copy is not tried again."
    return summary, _ADVICE.get(letter.code, default)
