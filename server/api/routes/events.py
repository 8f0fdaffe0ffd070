"""Routes of CloudEvents."""

from schemas.api import answers
from server.api import events
from server.api.route import NAMESPACE_PREFIX, Query, Route, json_answer
from server.api.routes.parameters import CURSOR, LIMIT

EVENTS: tuple[Route, ...] = (
    Route(
        "POST",
        f"{NAMESPACE_PREFIX}/events",
        "publishEvents",
        "Publish CloudEvents in binary (`ce-` headers), structured or batch mode; durable once"
        " answered.",
        events.publish,
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
        events.index,
        {200: json_answer("A page.", answers.StoredEventPage)},
        query=(LIMIT, CURSOR, Query("type", "Only CloudEvents of this type.")),
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/events/dead-letters",
        "listDeadLetters",
        "Messages from NATS that could not be read as CloudEvents.",
        events.dead_letters,
        {200: json_answer("A page.", answers.DeadLetterPage)},
        query=(LIMIT, CURSOR),
    ),
)
