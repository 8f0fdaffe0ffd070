"""Event bodies in versions that are no longer written; logs still hold them, and always will."""

from typing import ClassVar

from schemas.events.bodies import EventBody


class ExecutionCancelledV1(EventBody, frozen=True, gc=False, omit_defaults=True):
    """Terminal: somebody asked for it. Replaced by version 2, which also says from where."""

    VERSION: ClassVar[int] = 1
    TYPE: ClassVar[str] = "ExecutionCancelled"

    reason: str = ""
