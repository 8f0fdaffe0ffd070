"""The corpus' samples that are no JSON are refused with a clear word, at every door."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.spec.bench import STRUCTURED, Bench
from tests.spec.corpus import CORPUS

pytestmark = pytest.mark.corpus


def broken_samples(corpus: Path) -> list[bytes]:
    """The data blocks that the corpus' own index marks as not parsable."""
    root = corpus / CORPUS / "examples"
    return [
        (root / example["dir"] / file["file"]).read_bytes()
        for example in json.loads((root / "index.json").read_text())
        for file in example["files"]
        if file["kind"] == "data" and file["parse_error"]
    ]


def test_over_http_they_are_400_and_the_next_one_is_taken(spec_corpus: Path, bench: Bench) -> None:
    samples = broken_samples(spec_corpus)
    assert len(samples) == 5
    for sample in samples:
        for path in ("/events", "/executions"):
            media = STRUCTURED if path == "/events" else {"Content-Type": "application/json"}
            reply = bench.refold.ask("POST", path, sample, media, bench.namespace)
            assert reply.status == 400, reply.body
            assert reply.json["code"] in ("cloudevent.malformed", "body.malformed")
            assert reply.json["errors"][0]["detail"]
    assert bench.publish("test.good", {"n": 1})["outcome"] == "stored"
    assert len(bench.ask("GET", "/events").json["items"]) == 1


def test_over_nats_they_become_dead_letters_with_the_reason(
    spec_corpus: Path, bench: Bench, listening: Any
) -> None:
    samples = broken_samples(spec_corpus)
    with listening("nothing") as connection:
        for sample in samples:
            connection.publish(f"cloudevents.in.{bench.namespace}.x", sample)
    letters = bench.until(
        lambda: bench.ask("GET", "/events/dead-letters").json["items"],
        lambda items: len(items) == len(samples),
    )
    assert all(one["code"] == "cloudevent.bad_json" and one["reason"] for one in letters), letters
    listed = bench.refold.cli("event", "dlq", "ls", "--namespace", bench.namespace, "-o", "json")
    assert len(json.loads(listed.body)["items"]) == len(samples)
