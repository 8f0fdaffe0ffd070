"""Routes of CloudEvents."""

from schemas.api import answers, why
from server.api.door.route import NAMESPACE_PREFIX, Query, Route, json_answer
from server.api.events import explain, published
from server.api.routes.parameters import CURSOR, LIMIT

EVENTS: tuple[Route, ...] = (
    Route(
        "POST",
        f"{NAMESPACE_PREFIX}/events",
        "publishEvents",
        "Publish CloudEvents in binary (`ce-` headers), structured or batch mode; durable once"
        " answered. Who sent them is kept; neither origin nor reason is: `Refold-Reason` has no"
        " effect here.",
        published.publish,
        {202: json_answer("Stored, or stored before.", answers.Receipts)},
        body={
            "application/cloudevents+json": None,
            "application/cloudevents-batch+json": None,
            "*/*": None,
        },
        problems=("cloudevent.malformed", "cloudevent.conflict"),
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/events",
        "listEvents",
        "The namespace's stream of CloudEvents, oldest first.",
        published.index,
        {200: json_answer("A page.", answers.StoredEventPage)},
        query=(
            LIMIT,
            CURSOR,
            Query("type", "Only CloudEvents of this type."),
            Query("source", "Only from this source."),
            Query("subject", "Only with this subject."),
            Query("since", "Only stored at this time or later.", kind="time"),
            Query("until", "Only stored before this time.", kind="time"),
        ),
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/events/dead-letters",
        "listDeadLetters",
        "Messages from NATS that could not be read as CloudEvents.",
        published.dead_letters,
        {200: json_answer("A page.", answers.DeadLetterPage)},
        query=(LIMIT, CURSOR),
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/events/dead-letters/{{number}}/explain",
        "explainDeadLetter",
        "Why a message became a dead letter, and what to do about it.",
        explain.letter,
        {200: json_answer("The reason and the message.", why.LetterExplanation)},
        problems=("not_found",),
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/events/explain",
        "explainEventByName",
        "What became of the CloudEvent with this source and id.",
        explain.by_name,
        {200: json_answer("Whom it started and woke, who nearly took it.", why.Explanation)},
        query=(Query("source", "Its source."), Query("id", "Its id.", max_length=1_024)),
        problems=("not_found",),
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/events/{{position}}",
        "getEvent",
        "The CloudEvent at a position of the stream, and who sent it.",
        published.show,
        {200: json_answer("The CloudEvent.", why.StoredEventDetail)},
        problems=("not_found",),
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/events/{{position}}/explain",
        "explainEvent",
        "What became of the CloudEvent at a position.",
        explain.by_position,
        {200: json_answer("Whom it started and woke, who nearly took it.", why.Explanation)},
        problems=("not_found",),
    ),
)
