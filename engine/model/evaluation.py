"""Questions to an expression worker, and its answers, as values."""

import msgspec


class EvalRequest(msgspec.Struct, frozen=True, gc=False):
    """Evaluate jq program `source` on `input` (JSON bytes) with `variables` (a JSON object)."""

    source: str
    input: bytes
    variables: bytes


class EvalAnswer(msgspec.Struct, frozen=True, gc=False):
    """All outputs as a JSON array, or an error."""

    outputs: bytes | None = None
    error_code: str | None = None
    error: str | None = None
