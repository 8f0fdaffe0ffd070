"""What stands in a bundle, and how large it may be: docs/bundles.md is the specification."""

import re
from typing import Final

import msgspec

from engine.model.errors import RefoldError

FORMAT: Final = 1
"""Raised when the layout changes; a reader refuses a format that it does not know."""

MANIFEST: Final = "manifest.json"
LOG: Final = "events.ndjson"
VERIFIER: Final = "verify.pyz"
MEMBER: Final = re.compile(
    r"manifest\.json|events\.ndjson|verify\.pyz"
    r"|definition(?:-[1-9][0-9]{0,2})?\.(?:yaml|json)|resources/[1-9][0-9]{0,3}"
)
"""Names that a member of the file may have: no other, so none with a way out of a folder."""

MAX_FILE_BYTES: Final = 1 << 30
MAX_MEMBERS: Final = 2_000
MAX_TEXT_BYTES: Final = 4 * 1024 * 1024
"""Of every member but the log, unpacked."""

MAX_LOG_BYTES: Final = 8 << 30
MAX_RATIO: Final = 200
"""How much larger than packed a log may be, beyond what is small anyway."""

RATIO_FREE_BYTES: Final = 64 << 20
MAX_LINE_BYTES: Final = 16 * 1024 * 1024
MAX_REDACTIONS: Final = 100


class BundleFault(RefoldError):
    """A file that is no bundle that this release reads."""

    code = "bundle.malformed"


class TextFile(msgspec.Struct, frozen=True):
    """A document that a definition names by URI, and the member that it stands in."""

    uri: str
    file: str


class DefinitionFiles(msgspec.Struct, frozen=True):
    """A version of the definition. `content`: the hash over its text and documents, as hex
    (docs/export-format.md); `hash`: that by which the log names it."""

    file: str
    workflow: str
    version: str
    hash: str
    dialect: str
    media_type: str
    content: str
    resources: tuple[TextFile, ...] = ()


class Redaction(msgspec.Struct, frozen=True):
    """What was left out for a pointer: in how many events something stood there, and in how many
    of them a value too short to be looked for elsewhere."""

    pointer: str
    events: int
    short: int


class Manifest(msgspec.Struct, frozen=True):
    """What the bundle is. `events`: how many, the last with `hash`. `event_types`: versions of the
    types that stand in it. `redacted`: JSON pointers whose values were left out,
    `redactions`: in how many events; `printed`: whether what functions printed is in it; `sealed`:
    events whose data is sealed."""

    format: int
    refold: str
    cluster: str
    namespace: str
    execution: str
    workflow: str
    version: str
    definition_hash: str
    dialect: str
    ir_version: int
    evolve_version: int
    events: int
    hash: str
    event_types: dict[str, tuple[int, ...]]
    definitions: tuple[DefinitionFiles, ...]
    redacted: tuple[str, ...]
    printed: bool
    sealed: int
    exported_at: int
    exported_by: str
    reason: str
    redactions: tuple[Redaction, ...] = ()
