"""A second interpreter of DSL 0.8 definitions: slow, plain, and of its own.

It reads the parsed document, not the compiled program, runs states as Python generators, keeps no
log, evaluates every expression with libjq in the process, and shares no code with `engine` or
`schemas`. What it says is compared with what the core says; where they differ, one is wrong.
"""

from tests.property.reference.interpreter import Reference
from tests.property.reference.values import Endless, WorkflowError, canonical

__all__ = ["Endless", "Reference", "WorkflowError", "canonical"]
