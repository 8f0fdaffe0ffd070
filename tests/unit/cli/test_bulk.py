"""`--all`: what is said where the answer breaks off, or some could not be forked."""

import json
from types import SimpleNamespace

import pytest

from server.cli.bulk import Many, fork_many
from server.cli.faults import CommandFault
from server.cli.output import Output

BEGIN = {"batch": "ba_1", "count": 3, "behind": 2}
SUMMARY = {"forked": 2, "before": 1, "skipped": [], "failed": []}


def ask(lines, output=Output.TABLE):
    """Ask a server that answers with these lines; what it was asked."""
    asked = []

    def answered(path, *, body, headers):
        asked.append((path, json.loads(body), headers))
        for line in lines:
            if isinstance(line, Exception):
                raise line
            yield json.dumps(line).encode()

    session = SimpleNamespace(client=SimpleNamespace(lines=answered), output=output)
    body = {"at": 0, "version": None, "name": None, "dry_run": False, "reason": "why"}
    many = Many({"workflow": "w"}, None, None, yes=True)
    fork_many(session, many, "fork", body, "key-1")
    return asked


def test_what_was_asked_for_and_what_became_of_it(capsys):
    ((path, body, headers),) = ask([BEGIN, {"progress": {"done": 1}}, {"summary": SUMMARY}])
    assert path == "/executions/fork"
    assert (body["filter"], body["fork"], body["reason"]) == ({"workflow": "w"}, {"at": 0}, "why")
    assert headers["Idempotency-Key"] == "key-1"
    shown = capsys.readouterr()
    assert "forked   2 of 3" in shown.out
    assert "2 events behind" in shown.err


@pytest.mark.parametrize(
    "end",
    [
        [],
        [CommandFault("the connection broke")],
        [{"problem": {"code": "unavailable", "detail": "Postgres is away"}}],
    ],
)
def test_where_it_breaks_off_it_says_how_to_go_on(end):
    with pytest.raises(CommandFault, match="go on with --idempotency-key key-1"):
        ask([BEGIN, *end])


def test_what_is_refused_at_once_is_not_to_be_gone_on_with():
    with pytest.raises(CommandFault) as raised:
        ask([CommandFault("the body has 1 faults [body.invalid]", 1)])
    assert "--idempotency-key" not in raised.value.message


def test_faults_are_an_error_after_everything_was_told(capsys):
    failed = [{"code": "internal", "count": 2, "detail": "logged", "examples": ["ex_1", "ex_2"]}]
    with pytest.raises(CommandFault, match="tries them again"):
        ask([BEGIN, {"summary": {**SUMMARY, "failed": failed}}])
    assert "failed   2: logged [internal] (as ex_1, ex_2)" in capsys.readouterr().out


def test_as_json_it_is_one_document(capsysbinary):
    ask([BEGIN, {"summary": SUMMARY}], Output.JSON)
    found = json.loads(capsysbinary.readouterr().out)
    assert found == {"batch": "ba_1", "count": 3, **SUMMARY}
