"""Routes of the server itself."""

from schemas.api import answers
from server.api import system
from server.api.door.route import JSON, Answer, Route, json_answer

SYSTEM: tuple[Route, ...] = (
    Route(
        "GET",
        "/healthz",
        "getHealth",
        "Whether the server answers.",
        system.healthz,
        {200: json_answer("It does.", answers.Health)},
        key=False,
    ),
    Route(
        "GET",
        "/readyz",
        "getReadiness",
        "Whether the services it depends on answer too.",
        system.readyz,
        {
            200: json_answer("They do.", answers.Health),
            503: json_answer("One of them does not.", answers.Health),
        },
        key=False,
    ),
    Route(
        "GET",
        "/metrics",
        "getMetrics",
        "Numbers for Prometheus.",
        system.metrics,
        {200: Answer("The text form of Prometheus.", {"text/plain": None})},
    ),
    Route(
        "GET",
        "/openapi.json",
        "getOpenApi",
        "This document.",
        system.openapi,
        {200: Answer("OpenAPI 3.1.", {JSON: None})},
        key=False,
    ),
    Route(
        "GET",
        "/errors/{code}",
        "getProblemPage",
        "What a problem means and what to do about it.",
        system.problem_page,
        {200: Answer("A page.", {"text/html": None})},
        key=False,
        problems=("not_found",),
    ),
)
