"""Routes of definitions."""

from schemas.api import answers
from schemas.api.requests import ApplyDefinition
from server.api.definitions import versions
from server.api.door.route import JSON, NAMESPACE_PREFIX, Answer, Route, json_answer
from server.api.routes.parameters import CURSOR, LIMIT, REASON

_BODIES = {
    "application/yaml": None,
    JSON: None,
    versions.ENVELOPE: ApplyDefinition,
}

DEFINITIONS: tuple[Route, ...] = (
    Route(
        "POST",
        f"{NAMESPACE_PREFIX}/definitions",
        "applyDefinition",
        "Check a definition, store this version for ever and activate it.",
        versions.apply,
        {
            200: json_answer("This very version was active already.", answers.AppliedDefinition),
            201: json_answer("Stored and activated.", answers.AppliedDefinition),
        },
        headers=(REASON,),
        body=_BODIES,
        problems=("definition.invalid", "conflict"),
    ),
    Route(
        "POST",
        f"{NAMESPACE_PREFIX}/definitions/validate",
        "validateDefinition",
        "Check a definition and store nothing.",
        versions.validate,
        {200: json_answer("What was found.", answers.Validation)},
        body=_BODIES,
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/definitions",
        "listDefinitions",
        "All definition versions.",
        versions.index,
        {200: json_answer("A page.", answers.DefinitionPage)},
        query=(LIMIT, CURSOR),
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/definitions/{{workflow}}",
        "getDefinition",
        "The active version of a definition, with its text.",
        versions.show,
        {200: json_answer("The version.", answers.DefinitionSource)},
        problems=("not_found",),
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/definitions/{{workflow}}/graph",
        "drawDefinition",
        "The active version as a Mermaid flowchart.",
        versions.graph,
        {200: Answer("The flowchart.", {"text/vnd.mermaid": None})},
        problems=("not_found",),
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/definitions/{{workflow}}/{{version}}",
        "getDefinitionVersion",
        "One version of a definition, with its text.",
        versions.show,
        {200: json_answer("The version.", answers.DefinitionSource)},
        problems=("not_found",),
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/definitions/{{workflow}}/{{version}}/graph",
        "drawDefinitionVersion",
        "One version as a Mermaid flowchart.",
        versions.graph,
        {200: Answer("The flowchart.", {"text/vnd.mermaid": None})},
        problems=("not_found",),
    ),
)
