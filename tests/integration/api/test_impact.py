"""`POST /definitions/impact` and `refold def impact`: a new version tried on what was recorded."""

import asyncio
import json

import psutil
import pytest

from engine.adapters.postgres.storage import open_storage
from server.api.door.impact_reports import ImpactBusy, Question
from server.app.impact_workers import ImpactWorkers

ORDER = """
id: {id}
version: "1"
specVersion: "0.8"
start: Price
functions:
  - {name: quote, type: expression, operation: "{total: .input, from: \\"list\\"}"}
  - {name: note, type: expression, operation: "{noted: true}"}
states:
  - name: Price
    type: operation
    actions:
      - {name: quote, functionRef: quote, actionDataFilter: {toStateData: "${ .order }"}}
    transition: Decide
  - name: Decide
    type: switch
    dataConditions:
      - {condition: "${ .order.total > 50 }", transition: Review}
    defaultCondition: {transition: Approve}
  - name: Review
    type: inject
    data: {reviewed: true}
    transition: Approve
  - name: Approve
    type: operation
    actions:
      - {name: note, functionRef: note}
    end: true
"""

WAIT = """
id: {id}
version: "1"
specVersion: "0.8"
start: Decide
events:
  - {name: Paid, type: paid, kind: consumed}
states:
  - name: Decide
    type: switch
    dataConditions:
      - {condition: "${ .total > 50 }", transition: Pay}
    defaultCondition: {transition: Later}
  - name: Pay
    type: event
    onEvents: [{eventRefs: [Paid]}]
    end: true
  - name: Later
    type: sleep
    duration: PT1H
    end: true
"""

YAML = {"Content-Type": "application/yaml"}


def text_of(template, workflow, version, *changes):
    """A version of a definition with some of its text changed."""
    text = template.replace("{id}", workflow).replace('version: "1"', f'version: "{version}"')
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return text


def impact(refold, text, query=""):
    """The report; before it comes progress that reaches the end."""
    reply = refold.ask("POST", f"/definitions/impact{query}", text, YAML)
    assert reply.status == 200, reply.body
    *progress, last = [json.loads(line) for line in reply.body.splitlines()]
    assert progress[-1]["progress"]["done"] == progress[-1]["progress"]["total"]
    return last["report"]


@pytest.fixture(scope="module")
def orders(refold):
    """A workflow with thirty executions: orders of 10, 20, ..., 300."""
    workflow = refold.apply(ORDER)
    started = [refold.start(workflow, 20, input={"input": 10 * n})["id"] for n in range(1, 31)]
    return workflow, started


def test_another_threshold_is_one_group_with_the_values_that_the_condition_read(refold, orders):
    workflow, started = orders
    report = impact(
        refold, text_of(ORDER, workflow, "2", (".order.total > 50", ".order.total > 120"))
    )
    assert report["definition"]["version"] == "2"
    assert (report["executions"], report["same"], report["changed"]) == (30, 23, 7)
    assert (report["same_path"], report["new_failures"], report["impact"]) == (23, 0, True)
    (group,) = report["groups"]
    assert (group["kind"], group["state"], group["count"]) == ("branch", "Decide", 7)
    assert (group["was"], group["now"]) == ("Review", "Approve")
    assert group["condition_was"] == ".order.total > 50"
    assert group["condition_now"] == ".order.total > 120"
    assert group["told"] == (
        "at Decide, .order.total > 120 (was .order.total > 50): was Review, now Approve"
    )
    assert group["ends"] == {"completed": 7}
    assert len(group["examples"]) == 5
    for example in group["examples"]:
        total = 10 * (started.index(example["execution"]) + 1)
        assert example["was"] == example["now"] == {".order.total": total}
        assert 60 <= total <= 120
    assert report["running"]["safe_count"] == report["running"]["unsafe_count"] == 0
    assert report["skipped"] == []


def test_the_same_definition_changes_nothing(refold, orders):
    report = impact(refold, text_of(ORDER, orders[0], "2"))
    assert (report["executions"], report["same"], report["impact"]) == (30, 30, False)
    assert report["groups"] == []
    assert report["ends"] == [{"was": "completed", "now": "completed", "count": 30}]


def test_the_same_path_with_another_output_names_the_first_place_that_differs(refold, orders):
    report = impact(
        refold, text_of(ORDER, orders[0], "2", ("{noted: true}", "{noted: .order.total}"))
    )
    assert (report["changed"], report["same_path"]) == (30, 30)
    (group,) = report["groups"]
    assert (group["kind"], group["pointer"], group["count"]) == ("output", "/noted", 30)
    assert group["examples"][0]["was"] is True


def test_what_fails_that_did_not_is_told_with_its_error(refold, orders):
    change = ("{noted: true}", "{noted: (.order.from / 2)}")
    report = impact(refold, text_of(ORDER, orders[0], "2", change))
    (group,) = report["groups"]
    assert (group["kind"], group["state"], group["count"]) == ("fails", "Approve", 30)
    assert group["now"] == "expression.failed"
    assert report["new_failures"] == 30
    assert report["ends"] == [{"was": "completed", "now": "failed", "count": 30}]


def test_a_condition_that_only_libjq_evaluates_gives_the_same_groups(refold, orders):
    condition = "def limit_of(a): a * 120; .order.total > limit_of(1)"
    report = impact(refold, text_of(ORDER, orders[0], "2", (".order.total > 50", condition)))
    (group,) = report["groups"]
    assert (group["count"], group["was"], group["now"]) == (7, "Review", "Approve")
    assert group["condition_now"] == condition


def test_filters_choose_the_executions(refold, orders):
    text = text_of(ORDER, orders[0], "2")
    assert impact(refold, text, "?limit=4")["executions"] == 4
    assert impact(refold, text, "?version=1&version=7")["executions"] == 30
    assert impact(refold, text, "?version=7")["executions"] == 0
    assert impact(refold, text, "?status=failed&status=running")["executions"] == 0
    assert impact(refold, text, "?status=completed")["executions"] == 30
    assert impact(refold, text, "?started_before=2001-01-01T00:00:00Z")["executions"] == 0
    assert impact(refold, text, "?started_after=2001-01-01T00:00:00Z")["executions"] == 30
    other = text_of(ORDER, "another-name", "2")
    assert impact(refold, other)["executions"] == 0
    assert impact(refold, other, f"?workflow={orders[0]}")["same"] == 30


def test_running_executions_are_safe_where_the_new_version_brings_them_too(refold, eventually):
    workflow = refold.apply(WAIT)
    started = {
        total: refold.start(workflow, input={"total": total})["id"] for total in (20, 60, 90)
    }
    path = "/executions/{}"
    for one in started.values():
        eventually(lambda one=one: refold.ask("GET", path.format(one)).json["status"] == "waiting")
    report = impact(refold, text_of(WAIT, workflow, "2", (".total > 50", ".total > 80")))
    running = report["running"]
    assert sorted(running["safe"]) == sorted([started[20], started[90]])
    assert (running["safe_count"], running["unsafe_count"]) == (2, 1)
    assert running["unsafe"] == [
        {
            "execution": started[60],
            "reason": "at Decide, .total > 80 (was .total > 50): was Pay, now Later",
        }
    ]
    paused = refold.ask("POST", f"/executions/{started[90]}/cancel", {"reason": "enough"})
    assert paused.status == 202
    ended = path.format(started[90])
    eventually(lambda: refold.ask("GET", ended).json["status"] == "cancelled")
    report = impact(refold, text_of(WAIT, workflow, "2", ("type: paid", "type: payed")))
    (group,) = report["groups"]
    assert (group["kind"], group["count"]) == ("path", 2)
    assert (group["was"], group["now"]) == ("waits for paid", "waits for payed")
    assert report["running"]["safe"] == [started[20]]


CALLED = ORDER.replace(
    '{name: note, type: expression, operation: "{noted: true}"}',
    '{name: note, type: custom, operation: "rest:GET:{url}"}',
)


def test_an_action_that_nobody_recorded_is_named(refold):
    text = CALLED.replace("{url}", f"{refold.url}/healthz")
    workflow = refold.apply(text)
    for total in (10, 60):
        assert refold.start(workflow, 20, input={"input": total})["status"] == "completed"
    renamed = ("name: note, functionRef", "name: remark, functionRef")
    report = impact(refold, text_of(text, workflow, "2", renamed))
    (group,) = report["groups"]
    assert (group["kind"], group["state"], group["name"]) == ("no_answer", "Approve", "remark")
    assert group["was"] == "calls note"
    assert group["ends"] == {"unknown": 2}
    assert report["unknown"] == [{"name": "remark", "count": 2}]
    other_call = ("functionRef: note}", "functionRef: {refName: note, arguments: {a: 1}}}")
    report = impact(refold, text_of(text, workflow, "2", other_call))
    (group,) = report["groups"]
    assert (group["kind"], group["name"], group["pointer"]) == ("call", "note", "/arguments/a")
    assert report["same_path"] == 2


def test_forks_are_followed_from_where_they_were_taken(refold, orders, eventually):
    text = ORDER.replace("{noted: true}", "{noted: .order.total}")
    workflow = refold.apply(text)
    whole = refold.start(workflow, 20, input={"input": 60})["id"]
    events = refold.ask("GET", f"/executions/{whole}/events").json["items"]
    entered = next(one["seq"] for one in events if one["name"] == "Approve")
    patch = [{"op": "replace", "path": "/order/total", "value": 7}]
    for fork in ({"at": entered - 3}, {"at": entered, "patch_data": patch}, {"at": 0}):
        reply = refold.ask("POST", f"/executions/{whole}/fork", {"answers": "recorded", **fork})
        assert reply.status in (200, 201, 202), reply.body
        forked = f"/executions/{reply.json['execution']}"
        eventually(lambda path=forked: refold.ask("GET", path).json["status"] == "completed")
    assert refold.ask("GET", f"/executions/{whole}/events").json["items"][-1]["type"] == "ForkTaken"
    same = impact(refold, text_of(text, workflow, "2"))
    assert (same["executions"], same["same"], same["skipped"]) == (4, 4, [])
    moved = impact(refold, text_of(text, workflow, "2", (".order.total > 50", ".order.total > 80")))
    (group,) = moved["groups"]
    assert (group["kind"], group["count"]) == ("branch", 2), "two began before the decision"


def test_a_bad_definition_is_told_with_its_faults(refold, orders):
    text = text_of(ORDER, orders[0], "2", ("transition: Decide", "transition: Nowhere"))
    reply = refold.ask("POST", "/definitions/impact", text, YAML)
    assert (reply.status, reply.json["code"]) == (422, "definition.invalid")
    assert reply.json["errors"]


def test_the_command_tells_it_and_its_exit_code_says_whether_anything_changes(
    refold, orders, tmp_path
):
    workflow, _ = orders
    file = tmp_path / "order.yaml"
    file.write_text(text_of(ORDER, workflow, "2", (".order.total > 50", ".order.total > 120")))
    told = refold.cli("def", "impact", str(file))
    assert told.status == 8, told.headers
    lines = told.body.decode().splitlines()
    assert lines[0] == (
        f"{workflow} 2 on 30 executions: 7 change, 23 stay the same, 23 take the same path"
    )
    assert lines[1] == (
        "7 executions: at Decide, .order.total > 120 (was .order.total > 50):"
        " was Review, now Approve"
    )
    assert json.loads(refold.cli("def", "impact", str(file), "-o", "json").body)["changed"] == 7
    file.write_text(text_of(ORDER, workflow, "2"))
    assert refold.cli("def", "impact", str(file)).status == 0
    file.write_text("id: [")
    bad = refold.cli("def", "impact", str(file))
    assert (bad.status, bad.body) == (1, b"")
    assert "definition.invalid" in bad.headers["stderr"]
    missing = refold.cli("def", "impact", str(tmp_path / "missing.yaml"))
    assert missing.status == 2


async def test_one_report_at_a_time_and_nothing_of_it_stays_when_nobody_reads_it(refold, orders):
    workflow, _ = orders
    source = text_of(ORDER, workflow, "2").encode()
    question = Question(
        namespace="default", workflow=workflow, versions=None, statuses=None, since_ms=0,
        before_ms=2**48 - 1, limit=100, source=source, media_type="application/yaml",
        resources={},
    )  # fmt: skip
    storage = await open_storage(refold.database, "test-impact", size=2)
    try:
        workers = ImpactWorkers(storage.database)
        pieces = workers.report(question)
        assert (await anext(pieces)).total == 30
        with pytest.raises(ImpactBusy):
            await anext(workers.report(question))
        working = asyncio.ensure_future(anext(pieces))
        while not worker_programs():
            await asyncio.sleep(0.01)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        assert not worker_programs()
        *_, tally = [piece async for piece in workers.report(question)]
        assert tally.same == 30
    finally:
        await storage.close()
    assert not worker_programs()


def worker_programs():
    """Programs of this one that work for a report."""
    named = "server.app.impact_worker"
    return [one.pid for one in psutil.Process().children() if named in one.cmdline()]
