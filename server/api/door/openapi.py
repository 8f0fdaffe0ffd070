"""The OpenAPI 3.1 document, made of the table of routes and the models of `schemas.api`."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from schemas.api.answers import Problem
from server.api.door.catalogue import PROBLEMS
from server.api.door.route import Query, Route

_REF = "#/components/schemas/{model}"
_PATH_PARAMETERS = {
    "namespace": "The namespace: 1 to 63 of a-z, 0-9 and -.",
    "workflow": "The id of a workflow definition.",
    "version": "The version of a workflow definition.",
    "execution": "The id of an execution: `ex_...`.",
    "breakpoint": "The id of a breakpoint: `bp_...`.",
    "erasure": "The number of an erasure.",
    "position": "The position of a CloudEvent in the namespace's stream.",
    "number": "The number of a dead letter.",
    "token": "The token of a callback state: `cb_...`.",
    "code": "The code of a problem.",
}
_ANY_ROUTE = ("query.unknown", "query.invalid", "unavailable", "internal")


def document(routes: Iterable[Route], version: str) -> dict[str, Any]:
    """The whole document as plain data."""
    table = list(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in table:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Refold",
            "version": version,
            "description": "Runs Serverless Workflow definitions; every execution is a log of"
            " events, its state a fold over them.",
        },
        "paths": paths,
        "components": {
            "schemas": _schemas(table),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas(routes: list[Route]) -> dict[str, Any]:
    models: set[type[BaseModel]] = {Problem}
    for route in routes:
        models.update(one for one in route.body.values() if one is not None)
        for answer in route.answers.values():
            models.update(one for one in answer.media.values() if one is not None)
    ordered = sorted(models, key=lambda model: model.__name__)
    _, schema = models_json_schema(
        [(model, "serialization") for model in ordered], ref_template=_REF
    )
    return dict(schema["$defs"])


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": _parameters(route),
        "responses": _responses(route),
    }
    if route.key:
        operation["security"] = [{"key": []}, {}]
    if route.body:
        operation["requestBody"] = {
            "content": {media: _content(model) for media, model in route.body.items()}
        }
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PATH_PARAMETERS[name],
            "schema": {"type": "string"},
        }
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    parameters += [
        {"name": one.name, "in": "query", "description": one.description, "schema": _schema(one)}
        for one in route.query
    ]
    parameters += [
        {
            "name": one.name,
            "in": "header",
            "description": one.description,
            "schema": {"type": "string"},
        }
        for one in route.headers
    ]
    return parameters


def _schema(query: Query) -> dict[str, Any]:
    if query.most > 1:
        return {"type": "array", "maxItems": query.most, "items": _schema(replace(query, most=1))}
    if query.kind == "integer":
        schema: dict[str, Any] = {
            "type": "integer",
            "minimum": query.minimum,
            "maximum": query.maximum,
        }
        return schema if query.default is None else {**schema, "default": query.default}
    if query.kind == "time":
        return {"type": "string", "format": "date-time"}
    if query.choices:
        return {"type": "string", "enum": list(query.choices)}
    return {"type": "string", "maxLength": query.max_length}


def _responses(route: Route) -> dict[str, Any]:
    responses: dict[str, Any] = {
        str(status): {
            "description": answer.description,
            "content": {media: _content(model) for media, model in answer.media.items()},
        }
        for status, answer in route.answers.items()
    }
    for status, codes in _problem_codes(route).items():
        responses.setdefault(
            str(status),
            {
                "description": "Problem: " + ", ".join(codes),
                "content": {"application/problem+json": _content(Problem)},
            },
        )
    return responses


def _problem_codes(route: Route) -> dict[int, list[str]]:
    codes = [*route.problems, *_ANY_ROUTE]
    if route.key:
        codes.append("auth.required")
    codes.append("auth.host_refused")
    if "{namespace}" in route.path:
        codes.append("namespace.malformed")
    if route.body:
        codes += [
            "body.malformed", "body.invalid", "body.too_large", "body.media_type", "body.encoded",
            "request.timeout",
        ]  # fmt: skip
    grouped: dict[int, list[str]] = {}
    for code in sorted(set(codes)):
        grouped.setdefault(PROBLEMS[code].status, []).append(code)
    return dict(sorted(grouped.items()))


def _content(model: type[BaseModel] | None) -> dict[str, Any]:
    return {} if model is None else {"schema": {"$ref": _REF.format(model=model.__name__)}}
