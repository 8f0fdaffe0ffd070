"""Reading a bundle that anybody may have made: every limit is checked, nothing is unpacked to disk,
nothing in it is run."""

import struct
import zipfile
from collections.abc import Iterator
from typing import IO

import msgspec

from engine.core.chain import content_hash
from engine.model.errors import BadIdentifier
from engine.model.ids import parse_execution
from engine.model.namespace import is_namespace
from schemas.export import records
from server.bundles.layout import (
    FORMAT,
    LOG,
    MANIFEST,
    MAX_FILE_BYTES,
    MAX_LINE_BYTES,
    MAX_LOG_BYTES,
    MAX_MEMBERS,
    MAX_RATIO,
    MAX_TEXT_BYTES,
    MEMBER,
    RATIO_FREE_BYTES,
    BundleFault,
    DefinitionFiles,
    Manifest,
)

_TAKEN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 1
_CHUNK = 65_536
_END_BYTES = 22
_END_REACH = 65_536 + _END_BYTES


class Definition(msgspec.Struct, frozen=True):
    """A version of the definition with its text and documents."""

    files: DefinitionFiles
    source: bytes
    resources: dict[str, bytes]

    @property
    def content(self) -> str:
        """The hash over what is really there, as hex."""
        return content_hash(self.files.media_type, self.source, self.resources).hex()


class Bundle:
    """An opened bundle; `lines` reads its log from the beginning, as often as wanted."""

    def __init__(self, file: IO[bytes]) -> None:
        """Raises BundleFault."""
        _check_directory(file)
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as fault:
            raise BundleFault(f"it is no bundle: {fault}") from None
        self._members = _checked(self._zip.infolist())
        self.manifest = self._manifest()
        self.definitions = tuple(self._definition(one) for one in self.manifest.definitions)

    def _manifest(self) -> Manifest:
        text = self._text(MANIFEST)
        try:
            number = msgspec.json.decode(text, type=_Format).format
            if number != FORMAT:
                raise BundleFault(
                    f"it is a bundle of format {number}, this release reads {FORMAT}: upgrade"
                )
            manifest = msgspec.json.decode(text, type=Manifest, strict=True)
            parse_execution(manifest.execution)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, BadIdentifier) as fault:
            raise BundleFault(f"its manifest does not read: {fault}") from None
        uris = [one.uri for files in manifest.definitions for one in files.resources]
        if not is_namespace(manifest.namespace):
            raise BundleFault("its manifest names no namespace")
        if any("\0" in one for one in (manifest.workflow, manifest.version, *uris)):
            raise BundleFault("its manifest names what no name can be")
        return manifest

    def _definition(self, files: DefinitionFiles) -> Definition:
        resources = {one.uri: self._text(one.file) for one in files.resources}
        return Definition(files, self._text(files.file), resources)

    def _text(self, name: str) -> bytes:
        info = self._members.get(name)
        if info is None:
            raise BundleFault(f"its member {name[:80]!r} is not there")
        return b"".join(self._chunks(info, MAX_TEXT_BYTES))

    def _chunks(self, info: zipfile.ZipInfo, limit: int) -> Iterator[bytes]:
        """What is really in a member, whatever its head says of its size."""
        size = 0
        try:
            with self._zip.open(info) as member:
                while chunk := member.read(_CHUNK):
                    size += len(chunk)
                    if size > limit or size > info.file_size:
                        raise BundleFault(f"{info.filename} is larger than it says, or may be")
                    yield chunk
        except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError) as fault:
            raise BundleFault(f"{info.filename} is damaged: {fault}") from None
        except Exception as fault:  # zlib.error, which has no base of its own
            if isinstance(fault, BundleFault):
                raise
            raise BundleFault(f"{info.filename} is damaged: {fault}") from None

    def lines(self) -> Iterator[bytes]:
        """The lines of the log without their ends. Raises BundleFault."""
        rest = b""
        for chunk in self._chunks(self._members[LOG], MAX_LOG_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines
            if len(rest) > MAX_LINE_BYTES:
                raise BundleFault(f"a line of its log has more than {MAX_LINE_BYTES} bytes")
        if rest:
            raise BundleFault("the last line of its log has no end: it was cut off")

    def records(self) -> Iterator[records.Record]:
        """The records of the log. Raises BundleFault."""
        for number, line in enumerate(self.lines(), 1):
            yield record_of(line, number)


class _Format(msgspec.Struct):
    format: int


def record_of(line: bytes, number: int) -> records.Record:
    """The record of a line. Raises BundleFault."""
    try:
        record: records.Record = records.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as fault:
        raise BundleFault(f"line {number} of its log does not read: {fault}") from None
    if records.encode(record) != line:
        raise BundleFault(f"line {number} of its log is not spelled as the format has it")
    return record


def _check_directory(file: IO[bytes]) -> None:
    """The list of members is read as a whole: how long it is, is asked before."""
    size = file.seek(0, 2)
    if size > MAX_FILE_BYTES:
        raise BundleFault(f"it has {size} bytes, allowed are {MAX_FILE_BYTES}")
    start = max(0, size - _END_REACH)
    file.seek(start)
    tail = file.read(_END_REACH)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END_BYTES:
        raise BundleFault("it is no bundle: it does not end as a ZIP file")
    count, length = struct.unpack("<H", tail[at + 10 : at + 12]) + struct.unpack(
        "<I", tail[at + 12 : at + 16]
    )
    if tail[max(0, at - 20) : at].startswith(b"PK\6\7") or count > MAX_MEMBERS:
        raise BundleFault(f"it has more members than {MAX_MEMBERS}")
    if length > MAX_MEMBERS * 400:
        raise BundleFault("the list of its members is longer than that of a bundle")
    file.seek(0)


def _checked(found: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    if len(found) > MAX_MEMBERS:
        raise BundleFault(f"it has {len(found)} members, allowed are {MAX_MEMBERS}")
    members: dict[str, zipfile.ZipInfo] = {}
    for info in found:
        name = info.filename
        if not MEMBER.fullmatch(name) or info.orig_filename != name:
            raise BundleFault(f"its member {info.orig_filename[:80]!r} is none of a bundle")
        if name in members:
            raise BundleFault(f"its member {name} stands twice")
        if info.flag_bits & _ENCRYPTED or info.compress_type not in _TAKEN:
            raise BundleFault(f"its member {name} is packed in a way that bundles are not")
        _check_size(info)
        members[name] = info
    if LOG not in members:
        raise BundleFault(f"it has no {LOG}")
    return members


def _check_size(info: zipfile.ZipInfo) -> None:
    limit = MAX_LOG_BYTES if info.filename == LOG else MAX_TEXT_BYTES
    if info.file_size > limit:
        raise BundleFault(f"{info.filename} would have {info.file_size} bytes, allowed are {limit}")
    if info.file_size > RATIO_FREE_BYTES and info.file_size > MAX_RATIO * info.compress_size:
        raise BundleFault(f"{info.filename} unpacks to more than {MAX_RATIO} times its size")
