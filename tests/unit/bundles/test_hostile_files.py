"""Files that somebody made to do harm: each is refused, and it is said what is wrong."""

import io
import json
import struct
import zipfile
import zlib

import pytest

from server.bundles import layout, reading
from server.bundles.checking import checked
from server.bundles.layout import BundleFault
from server.bundles.reading import Bundle
from server.bundles.replaying import Replay
from tests.unit.bundles.sample import members_of, packed, sample


@pytest.fixture(scope="module")
def members():
    return members_of(sample())


def refused(made, words):
    with pytest.raises(BundleFault, match=words):
        checked(Bundle(io.BytesIO(made)))


@pytest.mark.parametrize(
    "name",
    ["../evil", "/etc/passwd", "resources/../../x", "C:\\x", "resources/1/../2", "a.txt",
     "resources/0", "events.ndjson/", "definition-0.yaml"],
)  # fmt: skip
def test_a_member_that_is_none_of_a_bundle_is_refused(members, name):
    refused(packed({**members, name: b"x"}), "none of a bundle")


def test_what_is_no_zip_file_is_refused():
    refused(b"", "no bundle")
    refused(b"PK\5\6", "no bundle")
    refused(b"x" * 100_000, "no bundle")


def test_a_member_that_stands_twice_is_refused(members):
    made = io.BytesIO(packed(members))
    with zipfile.ZipFile(made, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("manifest.json", members["manifest.json"])
    refused(made.getvalue(), "twice")


def test_too_many_members_are_refused_before_they_are_listed(members):
    many = {f"resources/{number}": b"" for number in range(1, layout.MAX_MEMBERS + 1)}
    refused(packed({**members, **many}), "more members")


def test_a_packed_bomb_is_refused_by_what_it_says(members, monkeypatch):
    monkeypatch.setattr(reading, "RATIO_FREE_BYTES", 1 << 20)
    refused(packed({**members, "events.ndjson": b" " * (8 << 20)}), "times its size")


def test_a_text_beyond_its_limit_is_refused(members):
    big = b" " * (layout.MAX_TEXT_BYTES + 1)
    refused(packed({**members, "definition.yaml": big}), "allowed are")


def test_a_member_larger_than_it_says_is_not_read_on(members):
    made = bytearray(packed({**members, "events.ndjson": b"\n" * 1_000_000}))
    for mark, place in ((b"PK\1\2", 24), (b"PK\3\4", 22)):
        at = 0
        while (at := made.find(mark, at)) >= 0:
            struct.pack_into("<I", made, at + place, 100)
            at += 4
    with pytest.raises(BundleFault):
        checked(Bundle(io.BytesIO(bytes(made))))


def test_an_encrypted_member_is_refused(members):
    made = bytearray(packed(members))
    at = made.find(b"PK\1\2")
    made[at + 8] |= 1
    refused(bytes(made), "packed in a way")


def test_a_directory_that_claims_more_than_there_is_is_refused(members):
    made = bytearray(packed(members))
    at = made.rfind(b"PK\5\6")
    struct.pack_into("<I", made, at + 12, 0xFFFFFFF0)
    refused(bytes(made), "list of its members")


def test_a_line_without_end_is_not_gathered(members, monkeypatch):
    monkeypatch.setattr(reading, "MAX_LINE_BYTES", 1 << 20)
    refused(packed({**members, "events.ndjson": b"x" * (3 << 20)}), "a line of its log")


@pytest.mark.parametrize(
    "line",
    [b"[" * 100_000, b"{}", b"null", b'{"record":"event"}', b"\xff\xfe", b'{"record":"evil"}',
     b'{"record":"end","lines":1e400}', b'{"record":"end","lines":99999999999999999999999}'],
)  # fmt: skip
def test_a_line_that_is_no_record_is_refused(members, line):
    refused(packed({**members, "events.ndjson": line + b"\n"}), "line 1")


@pytest.mark.parametrize(
    "manifest",
    [b"", b"{}", b"[" * 100_000, b'{"format":2}', b"\xff", b'{"format":1}'],
)
def test_a_manifest_that_is_none_is_refused(members, manifest):
    refused(packed({**members, "manifest.json": manifest}), "manifest|format 2")


def test_a_manifest_that_names_members_elsewhere_is_refused(members):
    manifest = json.loads(members["manifest.json"])
    manifest["definitions"][0]["file"] = "/etc/passwd"
    refused(packed({**members, "manifest.json": json.dumps(manifest).encode()}), "is not there")


def test_damaged_compression_is_refused(members):
    made = bytearray(packed(members))
    info = zipfile.ZipFile(io.BytesIO(bytes(made))).getinfo("events.ndjson")
    start = info.header_offset + 30 + len("events.ndjson")
    made[start : start + 40] = zlib.compress(b"x" * 50)[:40].ljust(40, b"\0")
    with pytest.raises(BundleFault):
        checked(Bundle(io.BytesIO(bytes(made))))


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("at", 1 << 62), ("frame", 1 << 40), ("attempt", -1), ("name", "a\0b"),
        ("version", 1 << 33),
    ],
)  # fmt: skip
def test_an_event_that_no_log_can_hold_is_refused_whatever_its_hashes_say(members, member, value):
    lines = members["events.ndjson"].split(b"\n")
    number = next(n for n, line in enumerate(lines) if b'"record":"event"' in line)
    record = {**json.loads(lines[number]), member: value}
    lines[number] = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
    made = Bundle(io.BytesIO(packed({**members, "events.ndjson": b"\n".join(lines)})))
    with pytest.raises(BundleFault, match=r"none that a log can hold|does not read"):
        list(Replay(made).steps())
