"""Limits: how large anything may be before it is refused with a named error.

Every limit exists because something grows with it: memory, a transaction, a queue, a page. They are
wide enough that a workflow which meets one is better split.
"""

from typing import Final

MAX_DEFINITION_BYTES: Final = 1024 * 1024
"""Text of one definition."""

MAX_RESOURCE_BYTES: Final = 4 * 1024 * 1024
"""Text of one document that a definition names by URI (OpenAPI, shared functions)."""

MAX_DEFINITION_DEPTH: Final = 64
"""Objects and arrays inside each other, in a definition or a document that it names."""

MAX_DEFINITION_NODES: Final = 50_000
"""Values in a definition, each key, scalar, array and object counted once."""

MAX_RESOURCE_NODES: Final = 200_000
"""Values in a document that a definition names."""

MAX_STATES: Final = 1_000
"""States of a definition."""

MAX_NAME_CHARACTERS: Final = 256
"""A name that an author gives: of a workflow, a state, an action, a function, an event."""

MAX_EXPRESSION_CHARACTERS: Final = 16_384
"""Text of one expression."""

MAX_FAN_OUT: Final = 1_000
"""Branches or parallel actions of one state, and iterations of a foreach at once."""

MAX_DURATION_MS: Final = 10 * 366 * 24 * 3600 * 1000
"""A sleep, a delay or a timeout, in ms: ten years."""

MAX_RETRIES: Final = 10_000
"""Retries that one policy may ask for."""

MAX_DATA_BYTES: Final = 1024 * 1024
"""The data of one state, a result, a payload, an input: as JSON text."""

MAX_STATE_DEPTH: Final = 128
"""Nesting of a state's data: what came from outside, put at a place."""

MAX_EVENTS_PER_STEP: Final = 1_000
"""Events that one command may cause; a loop without a wait yields there and goes on."""

MAX_EVENTS_PER_EXECUTION: Final = 1_000_000
"""Events of one execution."""

DEFAULT_ACTION_TIMEOUT_MS: Final = 5 * 60 * 1000
"""Limit of one attempt of an action whose definition names none, in ms."""
