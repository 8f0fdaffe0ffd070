"""JSON that services and functions return, as values of workflow data."""

from typing import Any

import msgspec

from engine.adapters.handlers.refusal import refused, too_large
from engine.model.cloudevents.fault import CloudEventFault
from engine.model.cloudevents.json_text import check_json_text
from schemas import json_text

MAX_RESULT_BYTES = 1_048_576
MAX_DEPTH = 64


def read_result(text: bytes, who: str, code: str) -> Any:
    """The value of a JSON text. Raises CallRefused with `code` if it is none that data can hold."""
    if len(text) > MAX_RESULT_BYTES:
        raise too_large(f"The answer of {who}", MAX_RESULT_BYTES)
    try:
        check_json_text(text, MAX_DEPTH)
        return json_text.loads(text)
    except CloudEventFault as fault:
        raise refused(code, f"{who} did not return JSON data: {fault.message}") from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise refused(code, f"{who} did not return JSON data: {error}.") from None
