"""What all lowering of one definition shares."""

from typing import Any

from engine.dialects.cncf_v08.expressions import Expressions
from engine.dialects.cncf_v08.findings import Findings
from engine.dialects.cncf_v08.names import Table
from engine.dialects.cncf_v08.resources import Resources
from engine.dialects.cncf_v08.sections import Sections
from engine.dialects.duration import BadDuration, duration_ms
from engine.model.program import AnyNode, Node
from schemas.dsl.cncf_v08 import (
    AnyState,
    ErrorDefinition,
    EventDefinition,
    Function,
    RetryDefinition,
    Workflow,
)


class Compilation:
    """The definition, its tables of names, its faults so far, and the nodes made so far.

    `ways` leads from a state's id to the ids of the states that it can go to; `lost` are states
    with a way whose target was not understood (a fault was reported).
    """

    def __init__(
        self, workflow: Workflow, sections: Sections, resources: Resources, findings: Findings
    ) -> None:
        self.workflow = workflow
        self.sections = sections
        self.resources = resources
        self.findings = findings
        self.states: Table[AnyState] = Table(
            "state",
            ((state.name, f"/states/{n}", state) for n, state in enumerate(workflow.states)),
            findings,
        )
        self.functions: Table[Function] = self._table("function", "functions")
        self.events: Table[EventDefinition] = self._table("event", "events")
        self.retries: Table[RetryDefinition] = self._table("retry", "retries")
        self.errors: Table[ErrorDefinition] = self._table("error", "errors")
        secrets = None if "secrets" in sections.incomplete else frozenset(sections.secrets)
        self.expressions = Expressions(self.functions, secrets, findings)
        self.nodes: dict[str, AnyNode] = {}
        self.ways: dict[str, set[str]] = {}
        self.lost: set[str] = set()
        self.addresses: dict[str, tuple[str, str] | None] = {}
        self.plain_results: list[str] = []

    def add(self, node: AnyNode) -> str:
        """Put a node into the program; its id is given back."""
        assert isinstance(node, Node)
        self.nodes[node.id] = node
        return node.id

    def duration_ms(self, text: str, pointer: str) -> int | None:
        """A duration. None: a fault was reported."""
        try:
            return duration_ms(text)
        except BadDuration as error:
            self.findings.error("definition.duration", pointer, str(error))
            return None

    def _table(self, kind: str, section: str) -> Table[Any]:
        pointer = self.sections.pointers[section]
        return Table(
            kind,
            (
                (entry.name, f"{pointer}/{number}", entry)
                for number, entry in enumerate(getattr(self.sections, section))
            ),
            self.findings,
            complete=section not in self.sections.incomplete,
        )
