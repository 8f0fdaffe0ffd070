"""The parts of a definition that may live in a document of their own (functions, events, ...)."""

from typing import Any

import msgspec

from engine.dialects.cncf_v08.findings import Findings
from engine.dialects.cncf_v08.parse import Shape, read_section
from engine.dialects.cncf_v08.relax import relax
from engine.dialects.cncf_v08.resources import Resources
from schemas.dsl.cncf_v08 import (
    Constants,
    ErrorDefinition,
    Errors,
    EventDefinition,
    Events,
    Function,
    Functions,
    Retries,
    RetryDefinition,
    Secrets,
    Timeouts,
)


class Sections(msgspec.Struct, frozen=True):
    """The reusable definitions, each list with the pointer that it begins at. `incomplete` names
    those whose document is missing or wrong: nothing is known about what they define."""

    functions: list[Function]
    events: list[EventDefinition]
    retries: list[RetryDefinition]
    errors: list[ErrorDefinition]
    secrets: list[str]
    constants: dict[str, Any] | None
    timeouts: Timeouts
    pointers: dict[str, str]
    incomplete: frozenset[str]


class SectionReader:
    """Takes each section from the definition itself or from the resource that it names."""

    def __init__(self, shape: Shape, resources: Resources, findings: Findings) -> None:
        self._workflow = shape.workflow
        self._resources = resources
        self._findings = findings
        self._pointers: dict[str, str] = {}
        self._incomplete: set[str] = set(shape.broken)

    def read(self) -> Sections:
        return Sections(
            functions=self._section("functions", Functions) or [],
            events=self._section("events", Events) or [],
            retries=self._section("retries", Retries) or [],
            errors=self._section("errors", Errors) or [],
            secrets=self._section("secrets", Secrets) or [],
            constants=self._section("constants", Constants),
            timeouts=self._section("timeouts", Timeouts) or Timeouts(),
            pointers=self._pointers,
            incomplete=frozenset(self._incomplete),
        )

    def _section(self, name: str, model: Any) -> Any:
        given = getattr(self._workflow, name)
        self._pointers[name] = f"/{name}"
        if not isinstance(given, str):
            return given
        value = self._from_resource(name, given, model)
        if value is None:
            self._incomplete.add(name)
        return value

    def _from_resource(self, name: str, uri: str, model: Any) -> Any:
        source = self._resources.read(uri, f"/{name}")
        if source is None:
            return None
        value = source.value
        if isinstance(value, dict) and name in value:
            value, self._pointers[name] = value[name], f"{uri}#/{name}"
        elif name != "constants":
            self._findings.error(
                "definition.resource_section",
                f"{uri}#",
                f"the document must be an object with the member `{name}`",
            )
            return None
        if name != "constants":
            value = relax(value, self._findings, self._pointers[name])
        return read_section(value, name, model, self._findings, uri)
