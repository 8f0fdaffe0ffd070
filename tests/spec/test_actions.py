"""Actions end to end: every type of function, filters, errors, retries, time limits, secrets."""

import asyncio
import json
from datetime import datetime
from typing import Any

import asyncpg
import pytest

from tests.spec.bench import FEATURES, Bench
from tests.spec.conftest import CANARY
from tests.spec.stub import Answer, Call


def test_every_type_of_function_answers(bench: Bench) -> None:
    bench.answers("by-document", {"document": True})
    bench.answers("things/a b", {"thing": True})
    bench.answers("posted", lambda call: Answer(call.arguments))
    log = bench.run(bench.feature("functions", "by-document"), {"number": 4})
    assert log.status == "completed", log.error
    assert log.output == {
        "number": 4,
        "document": True,
        "thing": {"thing": True},
        "posted": [1, 4],
        "doubled": 8,
        "response": ["y", "x"],
        "sum": 12,
    }
    asked = {one.operation: one for one in bench.stub.calls(bench.scope)}
    assert (asked["things/a b"].method, asked["things/a b"].arguments) == ("GET", {"page": "2"})
    assert asked["posted"].headers["x-mine"] == "me"
    assert asked["by-document"].arguments == {"number": 4}
    doubled = next(one for one in log.of("ActionCompleted") if one["name"] == "double")
    assert doubled["data"]["printed"] == "doubling 4\n"
    assert log.names("ActionSkipped") == ["sum"]


def test_every_call_names_its_execution_and_has_a_key_of_its_own(bench: Bench) -> None:
    bench.answers("ask", {"ok": True})
    workflow = bench.feature("foreach", "ask")
    log = bench.run(workflow, {"numbers": [1, 2]})
    calls = bench.stub.calls(bench.scope)
    assert {one.headers["refold-execution"] for one in calls} == {log.execution["id"]}
    assert len({one.headers["idempotency-key"] for one in calls}) == len(calls) == 6


def test_data_filters_narrow_place_and_drop(bench: Bench) -> None:
    bench.answers("ask", {"answer": {"n": 1}, "more": {"a": 2}})
    wanted = {"inner": {"x": 1}, "kept": "k", "list": [1, 2], "placed": {"there": True}}
    log = bench.run(bench.feature("filters", "ask"), {"wanted": wanted, "hidden": 1})
    assert bench.calls("ask") == [{"saw": {"x": 1}}, {"saw": "all"}, {"saw": "nothing"}]
    assert log.output == {
        "kept": "k",
        "merged": {"a": 2},
        "placed": {"there": True, "deep": {"n": 1}},
        "list": [1, 2, 3],
        "unused": False,
        "last": True,
    }


@pytest.mark.parametrize(
    ("degrees", "end", "code"),
    [(20, None, None), (200, "boiled", "ValueError"), (2000, "melted", "TooHot")],
)
def test_an_exception_of_a_function_goes_where_its_class_says(
    bench: Bench, degrees: int, end: str | None, code: str | None
) -> None:
    log = bench.run(bench.feature("python-errors"), {"degrees": degrees})
    assert (log.status, log.output.get("end")) == ("completed", end)
    if code is None:
        assert log.output["warm"] is True
        return
    (failed,) = log.data("ActionFailed")
    assert failed["error"]["code"] == "python.exception"
    assert code in failed["error"]["aliases"]
    assert failed["printed"] == "measuring\n"


@pytest.mark.parametrize(
    ("how", "status", "path", "code"),
    [
        ("ask", 503, ["Call", "Away"], "http.status"),
        ("ask", 404, ["Call"], "http.status"),
        ("ask", 418, ["Call", "Otherwise"], "http.status"),
        ("nobody", 0, ["Call", "Otherwise"], "connection"),
        ("expression", 0, ["Call", "Otherwise"], "expression.failed"),
    ],
)
def test_errors_of_services_meet_the_first_handler_that_names_them(
    bench: Bench, how: str, status: int, path: list[str], code: str
) -> None:
    bench.answers("ask", lambda _: Answer({"why": "no"}, status=status))
    log = bench.run(bench.feature("errors", "ask"), {"how": how, "a": {}})
    assert (log.status, log.path) == ("completed", path)
    (caught,) = log.data("ErrorCaught")
    assert caught["error"]["code"] == code
    assert caught["error"].get("status") == (status or None)


def test_an_error_that_nobody_handles_fails_the_execution(bench: Bench) -> None:
    bench.answers("ask", lambda _: Answer(status=500))
    log = bench.run(bench.feature("foreach", "ask"), {"numbers": [1, 2]})
    assert (log.status, log.error["code"], log.error["status"]) == ("failed", "http.status", 500)
    assert log.events[-1]["type"] == "ExecutionFailed"
    assert log.output is None


# --- retries


def failing(times: int, status: int = 503) -> Any:
    def behaviour(call: Call) -> Answer:
        return Answer({"n": call.number}, status=status if call.number <= times else 200)

    return behaviour


def test_an_action_is_tried_again_after_growing_delays_with_one_key(bench: Bench) -> None:
    bench.answers("ask", failing(3))
    bench.answers("other", failing(2, status=504))
    log = bench.run(bench.feature("retries", "ask", "other"), {"n": 0})
    assert (log.status, log.path) == ("completed", ["Try"])
    waits = [one for one in log.of("RetryScheduled") if one["name"] == "doubling"]
    assert [one["data"]["delay_ms"] for one in waits] == [40, 80, 100]
    assert [one["data"]["attempt"] for one in waits] == [2, 3, 4]
    jittered = [one["data"] for one in log.of("RetryScheduled") if one["name"] == "jittered"]
    assert 50 <= jittered[0]["delay_ms"] <= 75
    assert 70 <= jittered[1]["delay_ms"] <= 105
    calls = [one for one in bench.stub.calls(bench.scope) if one.operation == "ask"]
    assert [one.arguments for one in calls] == [{"n": 0}] * 4
    assert [one.headers["refold-attempt"] for one in calls] == ["1", "2", "3", "4"]
    assert len({one.headers["idempotency-key"] for one in calls}) == 1
    for wait in waits:
        again = next(one for one in log.of("ActionScheduled") if one["seq"] > wait["seq"])
        assert again["attempt"] == wait["data"]["attempt"]
        assert datetime.fromisoformat(again["at"]).timestamp() * 1000 >= wait["data"]["due"] - 1


def test_when_all_tries_are_used_up_the_handler_is_asked(bench: Bench) -> None:
    bench.answers("ask", failing(99))
    log = bench.run(bench.feature("retries", "ask", "other"), {"n": 0})
    assert log.path == ["Try", "Given up"]
    assert len(bench.calls("ask")) == 4
    assert [one.get("retrying", False) for one in log.data("ActionFailed")] == [
        True, True, True, False,
    ]  # fmt: skip


def test_an_error_that_is_not_to_be_tried_again_is_not(bench: Bench) -> None:
    bench.answers("ask", {"ok": True})
    bench.answers("other", failing(9, status=500))
    log = bench.run(bench.feature("retries", "ask", "other"), {"n": 0})
    assert log.path == ["Try", "Broken"]
    assert len(bench.calls("other")) == 1


def test_an_action_that_takes_too_long_is_an_error_named_timeout(bench: Bench) -> None:
    bench.answers("slow", lambda _: Answer({"late": True}, delay_s=5.0))
    log = bench.run(bench.feature("timeouts", "slow"))
    assert log.path == ["Call", "Sorry"]
    assert log.output == {"sorry": True}
    assert log.data("ActionScheduled")[0]["timeout_ms"] == 300
    assert log.data("ErrorCaught")[0]["error"]["code"] == "timeout"


# --- constants and secrets


def test_a_secret_reaches_the_service_and_nothing_else(bench: Bench) -> None:
    bench.answers("ask", {"ok": True})
    log = bench.run(bench.feature("secrets"), {"who": "Ada"})
    (call,) = bench.stub.calls(bench.scope)
    assert call.headers["authorization"] == f"Bearer {CANARY}"
    wanted = {"region": "north", "who": "Ada", "key": len(CANARY) + 4}
    assert call.arguments == {**wanted, "large": 12345678901234567890}
    assert log.output == {"who": "Ada", "ok": True}
    (scheduled,) = log.data("ActionScheduled")
    assert [path for path, _ in scheduled["deferred"]] == [
        ["headers", "Authorization"], ["body", "key"],
    ]  # fmt: skip
    places = asyncio.run(searched(bench.refold.database, [CANARY, "Ada"]))
    assert places["Ada"]
    assert places[CANARY] == []


async def searched(database: str, texts: list[str]) -> dict[str, list[str]]:
    """The tables and columns of ours that hold each text, whatever their type."""
    connection = await asyncpg.connect(database)
    try:
        columns = await connection.fetch(
            "SELECT table_schema, table_name, column_name FROM information_schema.columns"
            " JOIN information_schema.tables USING (table_schema, table_name)"
            " WHERE table_type = 'BASE TABLE'"
            " AND (table_schema = 'log' OR table_schema LIKE 'read%')"
        )
        assert len({row["table_name"] for row in columns}) > 10
        return {text: await _places(connection, columns, text) for text in texts}
    finally:
        await connection.close()


async def _places(connection: Any, columns: list[Any], text: str) -> list[str]:
    found = []
    for schema, table, column in columns:
        hexadecimal = text.encode().hex()
        count = await connection.fetchval(
            f'SELECT count(*) FROM "{schema}"."{table}" WHERE strpos("{column}"::text, $1) > 0'
            f' OR strpos("{column}"::text, $2) > 0',
            text, hexadecimal,
        )  # fmt: skip
        if count:
            found.append(f"{schema}.{table}.{column}")
    return found


# --- expressions


def test_expressions_that_need_libjq_work_in_every_place(bench: Bench) -> None:
    bench.answers("ask", lambda call: Answer({"says": f"a1-b22 {sorted(call.arguments)[0]}"}))
    workflow = bench.feature("libjq", "ask")
    given = {"text": "abc, b, xyz", "case": "# 7", "numbers": [1, 2, 3]}
    execution = bench.start(workflow, given)
    (wait,) = bench.waiting(execution).data("EventAwaited")
    assert wait["filters"][0]["correlation"] == [["caseid", "7"]]
    bench.publish("test.told", {"lines": "tea 1 TWO me"}, caseid="7")
    log = bench.ended(execution)
    assert log.status == "completed", log.error
    assert log.path == ["Shape", "Ask", "Each", "Branches", "Wait"]
    assert log.data("ChoiceTaken")[0]["case"] == "calm"
    assert bench.calls("ask")[0] == {"code": "'Abc, b, xyz'", "list": ["Abc"]}
    assert [one["word"] for one in bench.calls("ask")[1:]] in ([True, True], [True, True])
    assert log.output == {
        "text": "abc, b, xyz",
        "case": "#7",
        "numbers": [1, 2, 3],
        "first": [1, 2],
        "initials": "abcb",
        "digits": ["1", "22"],
        "found": ["abc", "b", "xyz"],
        "each": ["a1+b22 word", "a1+b22 word"],
        "told": ["tea", "me"],
    }
    assert log.emitted == [
        {
            "type": "test.made",
            "source": f"/workflows/{workflow}",
            "data": [True, False],
            "extensions": {"caseid": "no 7"},
        }
    ]


def test_those_expressions_really_need_libjq() -> None:
    from engine.dialects.cncf_v08 import read_definition
    from tests.spec.corpus import openapi

    text = (FEATURES / "libjq.yaml").read_bytes()
    reading = read_definition(text, "application/yaml", {"stub.json": openapi({"ask"})})
    places = {pointer.rpartition("/")[2] for pointer, _ in reading.expressions}
    assert places >= {
        "input", "output", "condition", "operation", "code", "0", "fromStateData", "results",
        "inputCollection", "word", "numCompleted", "contextAttributeValue", "data", "caseid",
    }  # fmt: skip


@pytest.mark.parametrize(
    "expression",
    [
        "$SECRETS.apiToken - 1",
        "$SECRETS.apiToken | tonumber",
        "$SECRETS.apiToken | error",
        "$SECRETS | .apiToken[0]",
        "{} | .[$SECRETS.apiToken | ascii_upcase | ltrimstr(1)] | error",
        "$SECRETS | tojson | fromjson | .apiToken | test(1)",
        '[$SECRETS.apiToken | splits("-")] | add | error',
    ],
)
def test_an_expression_that_fails_on_a_secret_does_not_tell_it(
    bench: Bench, expression: str
) -> None:
    text = (FEATURES / "secrets.yaml").read_text()
    text = text.replace("${ .who }", "${ " + expression.replace('"', '\\"') + " }")
    workflow = bench.apply(text.replace("STUB", f"{bench.stub.url}/{bench.scope}"))
    log = bench.run(workflow, {"who": "Ada"})
    assert bench.calls() in ([], [None])
    assert CANARY[:10] not in json.dumps([log.execution, log.events])
    assert log.status == "failed"
    assert log.error["code"].startswith("expression.")


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("python:featured:tell", "python.exception"),
        ("rest:GET:STUB/missing", "http.status"),
        ("rest:GET:STUB/{token}/echoed", "http.status"),
        ("rest:GET:http://127.0.0.1:1/{token}", "connection"),
    ],
)
def test_a_call_that_fails_does_not_tell_the_secret_that_it_was_given(
    bench: Bench, operation: str, code: str
) -> None:
    bench.answers(f"{CANARY}/echoed", lambda one: Answer({"you sent": CANARY}, status=400))
    definition = {
        "id": "telling", "version": "1", "specVersion": "0.8", "secrets": ["apiToken"],
        "functions": [{
            "name": "call", "type": "custom",
            "operation": operation.replace("STUB", f"{bench.stub.url}/{bench.scope}"),
        }],
        "states": [{
            "name": "Call", "type": "operation", "end": True,
            "actions": [{"functionRef": {
                "refName": "call", "arguments": {"token": "${ $SECRETS.apiToken }"},
            }}],
        }],
    }  # fmt: skip
    log = bench.run(bench.apply(json.dumps(definition)))
    assert (log.status, log.error["code"]) == ("failed", code)
    assert CANARY not in json.dumps([log.execution, log.events])
    if code == "python.exception":
        assert log.data("ActionFailed")[0]["printed"] == "{'token': '***'}\n"
        assert "'token': '***'" in log.error["message"]
