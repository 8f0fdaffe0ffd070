"""The third-party corpus: the JSON Schema of the JSON format, the HTTP scenarios, sample events."""

import functools
import json
import os
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import assume, given

from engine.model.cloudevents.cloudevent import CloudEvent
from engine.model.cloudevents.http_binding import from_http, to_http_binary, to_http_structured
from engine.model.cloudevents.json_format import decode_structured, encode_structured
from engine.model.cloudevents.nats_binding import from_nats, to_nats_binary
from tests.unit.cloudevents.samples import FULL, body
from tests.unit.cloudevents.strategies import any_cloudevents

pytestmark = pytest.mark.corpus

ROOT = Path(__file__).parents[3]
FOLDER = (ROOT / os.environ.get("REFOLD_SPEC_DIR", "../shared/spec")).resolve() / "cloudevents"


def corpus(relative: str) -> str:
    """A file of the corpus: required in CI, else the test is skipped without it."""
    path = FOLDER / relative
    if not path.is_file():
        if os.environ.get("CI"):
            pytest.fail(f"The corpus is missing; point REFOLD_SPEC_DIR at it ({relative}).")
        pytest.skip("no specification corpus; set REFOLD_SPEC_DIR to its folder")
    return path.read_text(encoding="utf-8")


@functools.cache
def schema() -> jsonschema.protocols.Validator:
    told = json.loads(corpus("spec/cloudevents.schema.json"))
    return jsonschema.Draft7Validator(told, format_checker=jsonschema.FormatChecker())


@given(any_cloudevents)
def test_schema_takes_all_that_we_encode(event: CloudEvent) -> None:
    # RFC 3339 has leap seconds; the checker of the format date-time does not know them.
    assume(":60" not in (event.time or ""))
    schema().validate(json.loads(encode_structured(event)))


def test_we_take_the_examples_that_the_schema_gives() -> None:
    properties = json.loads(corpus("spec/cloudevents.schema.json"))["properties"]
    examples = [
        (name, value) for name, told in properties.items() for value in told.get("examples", [])
    ]
    assert len(examples) > 10
    for name, value in examples:
        changes: dict[str, Any] = {"datacontenttype": "text/plain"} if name == "data" else {}
        if name == "data_base64":
            changes = {"data": ...}
        decode_structured(
            body({**FULL, "datacontenttype": "text/plain", "data": ""}, **{**changes, name: value})
        )


def _scenarios() -> list[tuple[str, str]]:
    """(scenario, content type) of the feature file, or one row that will tell why there is none."""
    path = FOLDER / "conformance/http-protocol-binding.feature"
    if not path.is_file():
        return [("", "")]
    found = []
    for scenario in path.read_text(encoding="utf-8").split("Scenario Outline:")[1:]:
        examples = scenario.split("Examples:")[1]
        types = [row.strip(" |") for row in examples.splitlines() if row.strip().startswith("|")]
        found += [(scenario, content_type.strip()) for content_type in types[1:]]
    return found


@pytest.mark.parametrize(("scenario", "content_type"), _scenarios())
def test_http_scenarios_pass(scenario: str, content_type: str) -> None:
    corpus("conformance/http-protocol-binding.feature")
    steps = scenario.split("Examples:", maxsplit=1)[0]
    request, expected_data = re.findall(r'"""\n(.*?)\n\s*"""', steps, re.DOTALL)
    lines = [line[8:] for line in request.replace("<contentType>", content_type).splitlines()]
    blank = lines.index("")
    pairs = [tuple(line.split(": ", 1)) for line in lines[1:blank]]
    content = "\n".join(lines[blank + 1 :]).encode()
    (event,) = from_http(pairs, content).events
    assert isinstance(event, CloudEvent)
    table = re.findall(r"^\s*\|\s*(\w+)\s*\|\s*(.*?)\s*\|$", steps, re.MULTILINE)
    expected = {k: v.replace("<contentType>", content_type) for k, v in table if k != "key"}
    assert len(expected) == 6
    assert dict(event.attributes()) == expected
    assert json.loads(event.json_data or b"") == json.loads(expected_data)


@pytest.mark.parametrize("name", ["v1.yaml", "v1_minimum.yaml"])
def test_sample_events_go_through_every_binding(name: str) -> None:
    samples = list(yaml.safe_load_all(corpus(f"conformance/{name}")))
    assert len(samples) >= 2
    for sample in samples:
        event = _event(sample)
        assert decode_structured(encode_structured(event)) == event
        assert from_http(*to_http_structured(event)).events == (event,)
        (over_http,) = from_http(*to_http_binary(event)).events
        assert isinstance(over_http, CloudEvent)
        assert over_http.digest() == event.digest()
        assert from_nats(*to_nats_binary(event)).digest() == event.digest()


def _event(sample: dict[str, Any]) -> CloudEvent:
    attributes = sample["ContextAttributes"]
    extensions = attributes.pop("Extensions", {})
    time = attributes.get("time")
    members = {**attributes, **{k: v.strip() for k, v in extensions.items()}}
    members["specversion"] = str(members["specversion"])
    if time is not None:
        members["time"] = time.isoformat().replace("+00:00", "Z")
    media = attributes.get("datacontenttype", "application/json")
    data = sample["Data"]
    members["data"] = json.loads(data) if "json" in media else data
    return decode_structured(json.dumps(members).encode())
