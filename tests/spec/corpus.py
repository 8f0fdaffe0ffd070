"""The third-party corpus of DSL 0.8, read where it lies, and made-up documents for what it names.

The upstream examples call services of hosts that do not exist. For each `URI#operationId` a
document is made up that has the operation, so that what is judged is the definition itself. The
definition files of examples 19 and 26 are given under the URIs that their workflows use.
"""

import json
from pathlib import Path
from typing import Any

import yaml

CORPUS = "serverless-workflow-0.8"
_SHARED = {
    "19-reusing-function-and-event-definitions": {
        "functiondefs.json": "defs-functions.json",
        "eventdefs.yml": "defs-events.yaml",
    },
    "26-online-food-ordering": {
        "file://orderfunctions.yml": "defs-functions.yaml",
        "file://orderevents.yml": "defs-events.yaml",
    },
}


def workflow_files(corpus: Path) -> list[Path]:
    """All workflow documents of the corpus."""
    root = corpus / CORPUS
    examples = root.glob("examples/*/workflow*")
    comparisons = (file for file in root.glob("comparisons/*") if file.name != "index.json")
    return sorted([*examples, *comparisons])


def media_type_of(file: Path) -> str:
    return "application/json" if file.suffix == ".json" else "application/yaml"


def resources_for(file: Path) -> dict[str, bytes]:
    """The documents that a workflow names: those of its folder, and made-up OpenAPI documents."""
    shared = _SHARED.get(file.parent.name, {})
    given = {uri: (file.parent / name).read_bytes() for uri, name in shared.items()}
    operations: dict[str, set[str]] = {}
    for text in [file.read_bytes(), *given.values()]:
        for function in _functions(text):
            uri, mark, name = str(function.get("operation", "")).partition("#")
            if mark and function.get("type", "rest") == "rest":
                operations.setdefault(uri, set()).add(name)
    return {**{uri: openapi(names) for uri, names in operations.items()}, **given}


def _functions(text: bytes) -> list[dict[str, Any]]:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError:
        return []
    functions = document.get("functions") if isinstance(document, dict) else None
    return (
        [one for one in functions if isinstance(one, dict)] if isinstance(functions, list) else []
    )


def openapi(operation_ids: set[str]) -> bytes:
    """A document with these operations, each a POST that takes and gives JSON."""
    content = {"application/json": {"schema": {"type": "object"}}}
    paths = {
        f"/{name}": {
            "post": {
                "operationId": name,
                "requestBody": {"content": content},
                "responses": {"200": {"description": "done", "content": content}},
            }
        }
        for name in sorted(operation_ids)
    }
    return json.dumps({"openapi": "3.0.3", "info": {}, "paths": paths}).encode()
