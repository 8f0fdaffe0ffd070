"""Writing a bundle as a stream: nothing is kept but what was not sent yet."""

import io
import zipfile
from collections.abc import AsyncIterator, Iterable

import msgspec

from schemas.export import records
from server.bundles.layout import LOG, MANIFEST, VERIFIER, Manifest
from server.bundles.verifier import verifier_program

_BATCH_BYTES = 65_536
_STAMP = (1980, 1, 1, 0, 0, 0)
"""Of every member: a bundle tells its time in the manifest."""


class _Sink(io.RawIOBase):
    """Takes what the ZIP writer writes, and gives it away; it cannot go back."""

    def __init__(self) -> None:
        super().__init__()
        self._parts = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        """Keep it until it is taken."""
        before = len(self._parts)
        self._parts += data  # type: ignore[arg-type]
        return len(self._parts) - before

    def taken(self) -> bytes:
        """What came since."""
        parts, self._parts = bytes(self._parts), bytearray()
        return parts


async def written(
    manifest: Manifest,
    texts: Iterable[tuple[str, bytes]],
    lines: AsyncIterator[records.Record],
) -> AsyncIterator[bytes]:
    """The bytes of a bundle. `texts`: definitions and their documents, by member."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as file:
        shown = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        for name, text in ((MANIFEST, shown), *texts, (VERIFIER, verifier_program())):
            file.writestr(_info(name), text)
            yield sink.taken()
        with file.open(_info(LOG), "w", force_zip64=True) as log:
            batch = bytearray()
            async for record in lines:
                batch += records.encode(record) + b"\n"
                if len(batch) >= _BATCH_BYTES:
                    log.write(bytes(batch))
                    batch.clear()
                    yield sink.taken()
            log.write(bytes(batch))
    yield sink.taken()


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _STAMP)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    return info
