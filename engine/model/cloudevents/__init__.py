"""CloudEvents 1.0 as values: a strict codec for JSON, HTTP and NATS, without any input or output.

Everything that comes from outside passes through here before it is stored. Decoding is a pure
function of the bytes: nothing is filled in (no id, no time), nothing is rounded, and what the
specification forbids is refused with a `CloudEventFault`.
"""

from engine.model.cloudevents.cloudevent import CloudEvent, DataKind
from engine.model.cloudevents.fault import CloudEventFault, FaultCode
from engine.model.cloudevents.limits import DEFAULT_LIMITS, CloudEventLimits

__all__ = [
    "DEFAULT_LIMITS",
    "CloudEvent",
    "CloudEventFault",
    "CloudEventLimits",
    "DataKind",
    "FaultCode",
]
