"""The actions that a list of deeds can be asked for."""

from engine.ports.audit import APPLIED, IMPORTED
from projections.views.commands import ACTIONS
from server.api.door.problem import ProblemRaised

PUBLISHED = "event.published"

_ENTRIES = (
    APPLIED,
    IMPORTED,
    "breakpoint.removed",
    "breakpoint.set",
    "data.erased",
    "data.erasure_asked",
    "encryption.set",
    "execution.bulk_forked",
    "execution.exported",
    "keys.rewrapped",
    "log.exported",
    "projection.rebuilt",
)

KNOWN = tuple(sorted({*ACTIONS, *_ENTRIES, PUBLISHED}))
"""Every action of commands, entries and CloudEvents."""


def check_action(wanted: str | None) -> None:
    """That there is this action, or one of this noun where it ends in a dot: a misspelt one finds
    nothing, which would read as if nobody had done it. Problem: query.invalid."""
    if wanted is None or wanted in KNOWN:
        return
    if wanted.endswith(".") and any(one.startswith(wanted) for one in KNOWN):
        return
    raise ProblemRaised(
        "query.invalid",
        f"there is no action {wanted[:80]!r}; there are {', '.join(KNOWN)}, and `NOUN.` for all of"
        " a noun",
    )
