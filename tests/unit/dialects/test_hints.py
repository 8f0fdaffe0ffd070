"""Faults that authors make often are told with what to do, and one cause is told once."""

import pytest

from engine.dialects.cncf_v08 import read_definition

HEAD = 'id: x\nversion: "1"\nspecVersion: "0.8"\n'
END = "states: [{name: a, type: inject, data: {}, end: true}]\n"


def faults(text):
    reading = read_definition(text.encode(), "application/yaml", {})
    return [(one.code.removeprefix("definition."), one.message) for one in reading.errors]


def function(members):
    return (
        f"{HEAD}functions: [{{name: f, {members}}}]\n"
        "states: [{name: a, type: operation, actions: [{functionRef: f}], end: true}]\n"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{HEAD}sates: []\n", "rename `sates`"),
        (function("operation: 'python:mine:score'"), "add `type: custom`"),
        (function("type: custom, operation: 'rest:PSOT:http://x'"), "did you mean 'POST'"),
        (function("type: custom, operation: 'rest:POST:htp://x'"), "'htp://x' is no http(s) URL"),
        (f"{HEAD}metadata: {{n: ${{ .n }}}}\n{END}", "put the expression ${ ... } in quotes"),
    ],
)
def test_the_message_names_the_wrong_part_and_the_remedy(text, words):
    ((_, message),) = faults(text)
    assert words in message


def test_other_faults_of_yaml_say_nothing_of_expressions():
    ((_, message),) = faults(f"{HEAD}metadata: {{n: [}}\n{END}")
    assert "quotes" not in message


CHAIN = """states:
- {{name: a, type: inject, data: {{}}{exit}}}
- {{name: b, type: inject, data: {{}}, transition: c}}
- {{name: c, type: inject, data: {{}}, end: true}}
"""


@pytest.mark.parametrize(
    ("way", "code"), [("", "exit.missing"), (", transition: bee", "state.unknown")]
)
def test_what_only_a_lost_way_could_lead_to_is_not_called_unreachable(way, code):
    assert [found for found, _ in faults(HEAD + CHAIN.format(exit=way))] == [code]


def test_without_a_lost_way_it_is():
    found = faults(HEAD + CHAIN.format(exit=", end: true"))
    assert [code for code, _ in found] == ["state.unreachable"] * 2
