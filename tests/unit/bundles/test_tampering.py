"""Whoever changes a bundle is found, by this program and by the one that lies in the bundle."""

import io
import json
import random

import pytest

from server.bundles.checking import checked
from server.bundles.layout import BundleFault
from server.bundles.reading import Bundle
from tests.unit.bundles.sample import CARD, members_of, packed, sample
from tests.unit.verifier.sample import load_program

ROUNDS = 300
UNPROVED = {"masked", "name"}
"""Of members that were left out: what stands in their place, and under which name."""


@pytest.fixture(scope="module", params=[None, ("/customer",)], ids=["whole", "redacted"])
def bundle(request):
    return sample(redact=request.param)


def findings_of(made):
    """What this program finds; a fault that keeps it from reading on is a finding."""
    try:
        return checked(Bundle(io.BytesIO(made))).findings
    except BundleFault as fault:
        return [fault.message]


def findings_of_verifier(made, tmp_path):
    path = tmp_path / "made.refold"
    path.write_bytes(made)
    try:
        return list(load_program().bundle.verify_bundle(str(path)).findings)
    except ValueError as fault:
        return [str(fault)]


def spelled(record):
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def changed(value, chance):
    """Another value of the same kind."""
    if isinstance(value, bool) or value is None:
        return "x"
    if isinstance(value, int):
        return value + chance.choice([1, -1, 1000])
    if isinstance(value, str):
        if not value:
            return "x"
        place = chance.randrange(len(value))
        other = chance.choice([one for one in "0a7f" if one != value[place]])
        return value[:place] + other + value[place + 1 :]
    if isinstance(value, list):
        return value[:-1] if value else ["x"]
    return {}


def places_in(value, name=""):
    """Every scalar of a record that something proves, as (container, key)."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    left_out = isinstance(value, dict) and "leaf" in value
    for key, one in list(pairs):
        if left_out and key in UNPROVED:
            continue
        if isinstance(one, dict | list) and one:
            yield from places_in(one)
        elif key != "record":
            yield value, key


def with_one_change(lines, chance):
    """The lines with one scalar of one of them changed."""
    number = chance.randrange(len(lines))
    record = json.loads(lines[number])
    container, key = chance.choice(list(places_in(record)))
    container[key] = changed(container[key], chance)
    return [*lines[:number], spelled(record), *lines[number + 1 :]]


def without_one(lines, chance):
    number = chance.randrange(len(lines))
    return [*lines[:number], *lines[number + 1 :]]


def with_two_swapped(lines, chance):
    first, second = sorted(chance.sample(range(len(lines)), 2))
    made = list(lines)
    made[first], made[second] = made[second], made[first]
    return made


def with_one_twice(lines, chance):
    number = chance.randrange(len(lines))
    return [*lines[:number], lines[number], *lines[number:]]


def cut(lines, chance):
    return lines[: chance.randrange(len(lines))]


WAYS = (*[with_one_change] * 6, without_one, with_two_swapped, with_one_twice, cut)


def test_a_bundle_as_it_was_written_is_intact(bundle, tmp_path):
    report = checked(Bundle(io.BytesIO(bundle)))
    assert (report.findings, report.gaps, report.unproved, report.to_head) == ([], 0, 0, True)
    assert report.events > 10
    assert report.commits > 1
    assert findings_of_verifier(bundle, tmp_path) == []


def test_every_change_of_the_log_is_found_by_both(bundle, tmp_path):
    chance, members = random.Random(3), members_of(bundle)
    lines = members["events.ndjson"].split(b"\n")[:-1]
    for number in range(ROUNDS):
        way = chance.choice(WAYS)
        made = way(lines, chance)
        if made == lines:
            continue
        text = b"".join(line + b"\n" for line in made)
        file = packed({**members, "events.ndjson": text})
        told = f"round {number}, {way.__name__}"
        assert findings_of(file), told
        assert findings_of_verifier(file, tmp_path), told


def test_another_definition_is_found_by_both(bundle, tmp_path):
    members = members_of(bundle)
    text = members["definition.yaml"].replace(b"done: true", b"done: none")
    assert text != members["definition.yaml"]
    file = packed({**members, "definition.yaml": text})
    assert findings_of(file)
    assert findings_of_verifier(file, tmp_path)


@pytest.mark.parametrize("member", ["cluster", "namespace", "execution", "events", "hash"])
def test_a_manifest_of_another_execution_is_found_by_both(bundle, tmp_path, member):
    members = members_of(bundle)
    manifest = json.loads(members["manifest.json"])
    manifest[member] = changed(manifest[member], random.Random(1))
    file = packed({**members, "manifest.json": json.dumps(manifest).encode()})
    assert findings_of(file)
    assert findings_of_verifier(file, tmp_path)


def test_every_damaged_byte_of_the_file_is_found_or_harmless(bundle):
    """A bit that flips: the file does not read, does not verify, or tells the very same."""
    chance, same = random.Random(5), members_of(bundle)
    for _ in range(150):
        made = bytearray(bundle)
        made[chance.randrange(len(made))] ^= 1 << chance.randrange(8)
        if not findings_of(bytes(made)):
            try:
                told = members_of(bytes(made))
            except Exception:  # noqa: BLE001 - verify.pyz is not read by this program
                continue
            assert {**told, "verify.pyz": b""} == {**same, "verify.pyz": b""}


def test_what_was_redacted_stands_nowhere_in_the_file():
    members = members_of(sample(redact=("/customer/card",)))
    for name, content in members.items():
        assert CARD.encode() not in content, name
        assert b"card 4111" not in content, name
    assert b"[redacted" in members["events.ndjson"]
