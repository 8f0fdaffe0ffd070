"""Serverless Workflow DSL 0.8: text -> Program.

`read_definition` judges a text and reports everything at once; `program_of` compiles one that was
accepted before. Codes of faults: `engine.dialects.cncf_v08.codes`.
"""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from engine.dialects.cncf_v08.codes import CODES
from engine.dialects.cncf_v08.compile import DIALECT, compile_definition
from engine.dialects.cncf_v08.findings import Findings, in_order
from engine.dialects.cncf_v08.graph import mermaid
from engine.dialects.source import Fault, Unreadable, read_source
from engine.model.errors import RefoldError
from engine.model.program import Program

__all__ = [
    "CODES",
    "DIALECT",
    "BadDefinition",
    "Fault",
    "Reading",
    "mermaid",
    "program_of",
    "read_definition",
]

_NO_DOCUMENTS: Mapping[str, bytes] = {}


class Reading(msgspec.Struct, frozen=True):
    """What was found. `faults`: errors and warnings, by place. `program`: None if one is an error.
    `expressions`: (pointer, source) of those that only libjq can judge, to be checked at apply;
    `verdicts`: for each of them the fault that it is if libjq refuses it."""

    faults: tuple[Fault, ...]
    program: Program | None
    expressions: tuple[tuple[str, str], ...] = ()
    verdicts: tuple[Fault, ...] = ()

    @property
    def errors(self) -> tuple[Fault, ...]:
        return tuple(fault for fault in self.faults if fault.severity == "error")

    def judged(self, refused: Mapping[str, str]) -> "Reading":
        """The reading with libjq's judgement: source of each refused expression -> what it said."""
        found = [
            replace(verdict, message=f"{verdict.message}: {refused[source]}")
            for (_, source), verdict in zip(self.expressions, self.verdicts, strict=True)
            if source in refused
        ]
        program = None if found else self.program
        return Reading(in_order([*self.faults, *found]), program)


class BadDefinition(RefoldError):
    """A definition with faults was to be compiled."""

    code = "definition.refused"

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        first = faults[0]
        super().__init__(
            f"the definition has {len(faults)} faults; the first, in line {first.line}:"
            f" {first.message}"
        )
        self.faults = faults


def read_definition(
    text: bytes, media_type: str = "", resources: Mapping[str, bytes] = _NO_DOCUMENTS
) -> Reading:
    """Read, check and compile a definition. `resources`: the documents that it may name, by URI."""
    try:
        source = read_source(text, media_type)
    except Unreadable as error:
        return Reading((error.fault,), None)
    findings = Findings(source)
    program = compile_definition(source, resources, findings)
    unjudged = findings.unjudged
    return Reading(findings.sorted(), program, tuple(unjudged), tuple(unjudged.values()))


def program_of(
    text: bytes, media_type: str = "", resources: Mapping[str, bytes] = _NO_DOCUMENTS
) -> Program:
    """Compile a definition that was accepted. Raises BadDefinition."""
    reading = read_definition(text, media_type, resources)
    if reading.program is None:
        raise BadDefinition(reading.errors)
    return reading.program
