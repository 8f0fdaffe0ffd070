"""JetStream streams and consumers: made if they are not there, left alone if they are."""

import msgspec
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import BadRequestError, NotFoundError

_NAME_IN_USE, _SUBJECTS_OVERLAP = 10058, 10065


class StreamSpec(msgspec.Struct, frozen=True):
    """A stream that Refold makes. `is_queue`: a message is removed when it is acknowledged;
    otherwise messages are kept for `max_age_s` seconds. `duplicate_s`: how long message ids are
    remembered."""

    name: str
    subject: str
    is_queue: bool
    max_age_s: float = 0
    duplicate_s: float = 120


async def declare_stream(js: JetStreamContext, spec: StreamSpec) -> str:
    """The name of the stream that holds the subject: made now, or the operator's own."""
    if await _exists(js, spec.name):
        return spec.name
    try:
        await js.add_stream(
            StreamConfig(
                name=spec.name,
                subjects=[spec.subject],
                retention=RetentionPolicy.WORK_QUEUE if spec.is_queue else RetentionPolicy.LIMITS,
                discard=DiscardPolicy.NEW if spec.is_queue else DiscardPolicy.OLD,
                storage=StorageType.FILE,
                max_age=spec.max_age_s,
                duplicate_window=spec.duplicate_s,
            )
        )
    except BadRequestError as error:
        if error.err_code == _SUBJECTS_OVERLAP:
            return await js.find_stream_name_by_subject(spec.subject)
        if error.err_code != _NAME_IN_USE:
            raise
    return spec.name


async def _exists(js: JetStreamContext, name: str) -> bool:
    try:
        await js.stream_info(name)
    except NotFoundError:
        return False
    return True


async def declare_consumer(
    js: JetStreamContext, stream: str, durable: str, subject: str, ack_wait_s: float
) -> None:
    """A durable pull consumer with explicit acknowledgement, without a limit of deliveries."""
    try:
        await js.consumer_info(stream, durable)
    except NotFoundError:
        await js.add_consumer(
            stream,
            ConsumerConfig(
                durable_name=durable,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=ack_wait_s,
                max_ack_pending=10_000,
                filter_subject=subject,
            ),
        )
