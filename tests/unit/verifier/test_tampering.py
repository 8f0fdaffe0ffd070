"""Whatever is changed, removed, cut, swapped or spliced in an export is found and named."""

import functools
import json
import random

import pytest

from schemas.export import records
from tests.unit.verifier.sample import Sample, load_program, make_sample
from tests.unit.verifier.tampering import WAYS, Export, spelled

TAMPERINGS = 10_000


@pytest.fixture(scope="module")
def program():
    """The verifier. What is pure and asked again for every untouched line is remembered."""
    modules = load_program()
    for room, name in (
        ("records", "read_line"),
        ("members", "merkle_root"),
        ("ids", "uuid_number"),
    ):
        remembered = functools.cache(getattr(getattr(modules, room), name))
        for module in vars(modules).values():
            if hasattr(module, name):
                setattr(module, name, remembered)
    return modules


@pytest.fixture(scope="module")
def sample() -> Sample:
    return make_sample()


@pytest.fixture(scope="module")
def export(sample) -> Export:
    return Export(sample.lines, make_sample().lines)


def test_an_untouched_export_is_intact_and_so_is_its_kept_head(program, sample):
    kept = json.loads(records.encode(sample.head))
    found = program.installation.verify(sample.lines, kept)
    assert found.findings == []
    assert found.counts["event"] >= 30
    assert found.counts["execution"] >= 5


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_every_tampering_is_found_and_named(program, export, way):
    for seed in range(TAMPERINGS // len(WAYS) + 1):
        tampered = way(export, random.Random(seed))
        assert tampered.lines != export.lines
        findings = program.installation.verify(tampered.lines).findings
        named = [one for one in findings if one.place in tampered.places]
        assert any(one.kind in tampered.kinds for one in named), (seed, tampered.places, findings)


def test_a_log_rewritten_with_all_its_hashes_is_found_by_a_kept_head(program, sample):
    """The last commit of a shard, another time in it, its hash and the heads computed again."""
    kept = json.loads(records.encode(sample.head))
    told = [json.loads(line) for line in sample.lines]
    end = kept["shards"][0]
    number = next(
        n
        for n, one in enumerate(told)
        if (one["record"], one.get("shard"), one.get("number"))
        == ("commit", end["shard"], end["commit_no"])
    )
    before = next(
        bytes.fromhex(one["hash"])
        for one in reversed(told[:number])
        if one["record"] == "commit" and one["shard"] == end["shard"]
    )
    told[number]["at"] += 1
    told[number]["hash"] = program.hashes.commit_hash(before, told[number]).hex()
    head = told[0]["head"]
    head["shards"][0]["hash"] = told[number]["hash"]
    head["root"] = program.hashes.head_root(head)
    lines = [spelled(one) for one in told]
    assert program.installation.verify(lines).findings == []
    [found] = program.installation.verify(lines, kept).findings
    assert found.kind == "head_differs"
    assert found.place == ("commit", end["shard"], end["commit_no"])


def test_a_tail_cut_from_log_and_heads_alike_is_found_by_a_kept_head(program, sample):
    kept = json.loads(records.encode(sample.head))
    told = [json.loads(line) for line in sample.lines]
    last = max(kept["shards"], key=lambda one: one["shard"])["shard"]
    head = told[0]["head"]
    head["shards"] = [one for one in head["shards"] if one["shard"] != last]
    entry = head["audit"].pop()
    head["root"] = program.hashes.head_root(head)
    left = [
        one
        for one in told[:-1]
        if one.get("shard") != last
        and not (one["record"] == "audit" and one["namespace"] == entry["namespace"])
        and one["record"] != "definition"
    ]
    lines = [spelled(one) for one in [*left, {"record": "end", "lines": len(left)}]]
    assert program.installation.verify(lines).findings == []
    places = {one.place for one in program.installation.verify(lines, kept).findings}
    cut = next(one for one in kept["shards"] if one["shard"] == last)
    assert places == {
        ("commit", last, cut["commit_no"]),
        ("audit", entry["namespace"], entry["position"]),
    }


def test_an_event_rewritten_with_all_hashes_of_its_execution_is_found_by_its_commit(
    program, sample
):
    told = [json.loads(line) for line in sample.lines]
    name = next(one["execution"] for one in told if one["record"] == "execution")
    before = b""
    commits = set()
    for one in told:
        if one["record"] == "commit":
            commit = ("commit", one["shard"], one["number"])
        if one["record"] == "event" and one["execution"] == name:
            one["actor"] = "nobody"
            before = program.hashes.event_hash(
                before, one, name, one["seq"], bytes.fromhex(one["digest"])
            )
            one["hash"] = before.hex()
            commits.add(commit)
        if one["record"] == "execution" and one["execution"] == name:
            birth = one
    birth["hash"] = before.hex()
    findings = program.installation.verify([spelled(one) for one in told]).findings
    assert {one.kind for one in findings} == {"changed"}
    assert {one.place for one in findings} == commits


def test_a_head_of_another_installation_does_not_fit(program, export, sample):
    kept = export.other[0]["head"]
    found = program.installation.verify(sample.lines, kept).findings
    assert found[0].kind == "head_differs"
    assert "another installation" in found[0].detail


def test_events_that_are_hidden_as_anothers_are_told(program, sample):
    """Every record of an execution gone, its events as those of another namespace."""
    told = [json.loads(line) for line in sample.lines]
    birth = next(one for one in told if one["record"] == "execution")
    hidden = {
        ("position", one["shard"], one["position"])
        for one in told
        if one["record"] == "event" and one["execution"] == birth["execution"]
    }
    period = program.ids.birth_period(program.ids.uuid_number(birth["execution"]))
    left = [
        {
            "record": "other",
            "shard": one["shard"],
            "position": one["position"],
            "period": period,
            "hash": one["hash"],
        }
        if one.get("execution") == birth["execution"]
        else one
        for one in told
        if one is not birth
    ]
    left[-1] = {"record": "end", "lines": len(left) - 1}
    findings = program.installation.verify([spelled(one) for one in left]).findings
    assert {(one.kind, one.place) for one in findings} == {("missing", place) for place in hidden}


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b"\xff", b'{"record":"export"}', b"1" * 5_000])
def test_a_file_that_is_no_export_is_told(program, line):
    kinds = {one.kind for one in program.installation.verify([line]).findings}
    assert kinds == {"unreadable", "missing"}
