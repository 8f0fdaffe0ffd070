"""An expression that only libjq can read is judged when a definition is checked, with its place."""

from pathlib import Path

from tests.spec.bench import Bench

BAD = """\
id: bad
version: "1"
specVersion: "0.8"
start: A
states:
  - name: A
    type: switch
    dataConditions:
      - {condition: ".a and", end: true}
      - {condition: '.a | test("^a")', end: true}
    defaultCondition: {end: true}
"""


def test_by_the_server(bench: Bench) -> None:
    reply = bench.submit(BAD)
    (fault,) = reply.json["errors"]
    assert reply.status == 422
    assert fault["code"] == "definition.expression.syntax"
    assert fault["pointer"] == "/states/0/dataConditions/0/condition"
    assert (fault["line"], fault["column"]) == (9, 21)


def test_by_the_command_alone(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "bad.sw.yaml"
    file.write_text(BAD)
    reply = bench.refold.cli("def", "validate", str(file), REFOLD_URL="http://127.0.0.1:1")
    assert reply.status == 1
    assert b"9:21" in reply.body
    assert b"definition.expression.syntax" in reply.body
