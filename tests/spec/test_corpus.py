"""Every workflow of the third-party corpus is accepted, or refused with the right faults named.

`expected/corpus.json` holds, for each file, "accepted" or the places of each code. What it says was
compared by hand with the files and with the list of their known faults.
"""

import json
from pathlib import Path

import jq
import pytest

from engine.dialects.cncf_v08 import Reading, mermaid, read_definition
from tests.spec.corpus import CORPUS, media_type_of, resources_for, workflow_files

pytestmark = pytest.mark.corpus

EXPECTED = json.loads((Path(__file__).parent / "expected" / "corpus.json").read_text())
RUN_END_TO_END = ("01", "02", "03", "04", "12", "13", "14", "25")


def judged(file: Path) -> Reading:
    """The reading, with libjq's word on what only libjq can judge."""
    reading = read_definition(file.read_bytes(), media_type_of(file), resources_for(file))
    refused = {}
    for _, source in reading.expressions:
        try:
            jq.compile(source)
        except ValueError as error:
            refused[source] = str(error)
    return reading.judged(refused)


def outcome(reading: Reading) -> str | dict[str, list[str]]:
    if reading.program is not None:
        return "accepted"
    places: dict[str, list[str]] = {}
    for fault in reading.errors:
        places.setdefault(fault.code, []).append(fault.pointer)
    return places


def test_the_whole_corpus_is_expected(spec_corpus: Path) -> None:
    root = spec_corpus / CORPUS
    assert [str(file.relative_to(root)) for file in workflow_files(spec_corpus)] == list(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_workflow_is_accepted_or_refused_with_its_faults(spec_corpus: Path, name: str) -> None:
    reading = judged(spec_corpus / CORPUS / name)
    assert outcome(reading) == EXPECTED[name]
    assert all(fault.line >= 1 and fault.column >= 1 for fault in reading.faults)
    if reading.program is not None:
        assert mermaid(reading.program).startswith("flowchart TD")


@pytest.mark.parametrize("number", RUN_END_TO_END)
def test_examples_that_run_are_accepted_and_their_forms_are_one(
    spec_corpus: Path, number: str
) -> None:
    folder = next((spec_corpus / CORPUS / "examples").glob(f"{number}-*"))
    forms = [judged(folder / f"workflow.{suffix}") for suffix in ("json", "yaml")]
    assert forms[0].program is not None
    assert forms[0].program == forms[1].program


@pytest.mark.parametrize("number", ["02", "03", "04", "12", "13", "14"])
def test_without_its_document_a_call_is_refused_by_name(spec_corpus: Path, number: str) -> None:
    folder = next((spec_corpus / CORPUS / "examples").glob(f"{number}-*"))
    reading = read_definition((folder / "workflow.json").read_bytes(), "application/json")
    assert {fault.code for fault in reading.errors} == {"definition.resource_missing"}


@pytest.mark.parametrize("number", ["05", "09"])
def test_examples_with_sub_flows_are_refused_for_them(spec_corpus: Path, number: str) -> None:
    folder = next((spec_corpus / CORPUS / "examples").glob(f"{number}-*"))
    errors = judged(folder / "workflow.json").errors
    assert {fault.code for fault in errors} == {"definition.not_supported"}
    assert all("subFlowRef" in fault.message for fault in errors)
