"""The read tables over HTTP and the command line: lists, history with data, timeline, statistics,
lineage, waits."""

import json
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.integration.conftest import NAP, Refold

Eventually = Callable[[Callable[[], Any]], Any]

ORDER = """
id: {id}
version: "1.0"
specVersion: "0.8"
start: Take
events:
  - {name: Packed, type: packed.{id}, source: refold, kind: produced}
functions: [{name: tell, type: expression, operation: "{told: .customer}"}]
states:
  - name: Take
    type: operation
    actions: [{name: tell, functionRef: {refName: tell}}]
    transition: Rest
  - {name: Rest, type: sleep, duration: PT0.1S, transition: Each}
  - name: Each
    type: foreach
    inputCollection: ${ .items }
    iterationParam: item
    actions: [{name: each, functionRef: {refName: tell}}]
    end: {produceEvents: [{eventRef: Packed, data: "${ .customer }"}]}
"""

SHIP = """
id: {id}
version: "1.0"
specVersion: "0.8"
start: Packed
events:
  - {name: Packed, type: "packed.{order}", source: refold}
  - {name: Go, type: "go.{order}", source: any, correlation: [{contextAttributeName: no}]}
states:
  - {name: Packed, type: event, onEvents: [{eventRefs: [Packed]}], transition: Wait}
  - name: Wait
    type: event
    onEvents: [{eventRefs: [Go]}]
    timeouts: {eventTimeout: PT1H}
    end: true
"""


def get(refold: Refold, path: str, status: int = 200) -> Any:
    reply = refold.ask("GET", path)
    assert reply.status == status, reply.body
    return reply.json


def projected(refold: Refold, execution: str, eventually: Eventually) -> Any:
    """The history, once the projector has read all that the execution's log has."""
    seq = get(refold, f"/executions/{execution}")["last_seq"]

    def history() -> Any:
        found = get(refold, f"/executions/{execution}/history")
        return found if found["last_seq"] >= seq else None

    return eventually(history)


@pytest.fixture(scope="module")
def order(refold: Refold) -> str:
    return refold.apply(ORDER)


def ordered(refold: Refold, order: str, eventually: Eventually, **members: Any) -> str:
    data = {"customer": members.pop("customer", 42), "items": [1, 2], "pad": "x" * 3_000}
    execution = refold.start(order, 20, input=data, **members)
    assert execution["status"] == "completed", execution
    projected(refold, execution["id"], eventually)
    return str(execution["id"])


def test_executions_are_found_by_labels_and_values(
    refold: Refold, order: str, eventually: Eventually
) -> None:
    mark, big = uuid.uuid4().hex, "98765432109876543210"
    label = {"run": mark}
    one = ordered(refold, order, eventually, customer=int(big), labels=label)
    two = ordered(refold, order, eventually, customer=1.5, labels={**label, "late": "yes"})

    def found(query: str) -> list[str]:
        return [row["id"] for row in get(refold, f"/executions?label=run={mark}{query}")["items"]]

    assert found("") == [two, one]
    assert found("&label=late=yes") == [two]
    assert found(f"&where=input.customer={big}.0") == [one]
    assert found(f"&where=output.told={big}&where=input.items[]=2&status=completed") == [one]
    assert found(f"&where=input.customer={int(big) + 1}") == []
    assert found("&where=output.customer=15e-1") == [two]
    page = get(refold, f"/executions?label=run={mark}&limit=1")
    rest = get(refold, f"/executions?label=run={mark}&limit=1&cursor={page['next']}")
    assert [page["items"][0]["id"], rest["items"][0]["id"], rest["next"]] == [two, one, None]
    assert page["items"][0]["labels"] == {"run": mark, "late": "yes"}
    count = get(refold, f"/executions/count?label=run={mark}&by=status&by=version")
    group = {"workflow": None, "version": "1.0", "status": "completed", "count": 2}
    assert count == {"count": 2, "groups": [group]}
    cli = refold.cli("exec", "ls", "--label", f"run={mark}", "--where", f"input.customer={big}",
                     "-o", "ids")  # fmt: skip
    assert cli.body.decode().split() == [one]
    cli = refold.cli("exec", "count", "--label", f"run={mark}", "--by", "status")
    assert cli.body.decode().split() == ["STATUS", "COUNT", "completed", "2"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("where=customer=1", "begins neither"),
        ("where=input.a", "has no `=`"),
        ("where=input.a={}", "no scalar"),
        ("label=a", "NAME=VALUE"),
        ("forked_from=me", "forked_from"),
        ("by=name", "by"),
        ("&".join(["label=a=b"] * 11), "at most 10"),
    ],
)
def test_a_bad_filter_is_refused_in_words(refold: Refold, query: str, words: str) -> None:
    kind = "/count" if query.startswith("by") else ""
    problem = get(refold, f"/executions{kind}?{quote(query, safe='=&')}", 400)
    assert problem["code"] == "query.invalid"
    assert words in problem["detail"]


def test_labels_are_part_of_a_request_and_checked(refold: Refold, order: str) -> None:
    body = {"workflow": order, "name": uuid.uuid4().hex, "labels": {"a": "1"}}
    assert refold.ask("POST", "/executions", body).status == 201
    assert refold.ask("POST", "/executions", body).status == 200
    assert refold.ask("POST", "/executions", {**body, "labels": {"a": "2"}}).status == 422
    for labels in ({"a": 1}, {"": "x"}, {"a": "\n"}, {str(n): "" for n in range(33)}):
        assert refold.ask("POST", "/executions", {**body, "labels": labels}).status == 400


def test_the_history_tells_input_and_output(
    refold: Refold, order: str, eventually: Eventually
) -> None:
    execution = ordered(refold, order, eventually)
    whole = get(refold, f"/executions/{execution}/history?data=65536")
    take, rest, each = [one for one in whole["scopes"] if one["kind"] == "state"]
    assert (take["name"], take["input"]["customer"]) == ("Take", 42)
    assert take["output"]["told"] == 42
    assert rest["input"] == take["output"] == each["input"]
    assert rest["duration_ms"] >= 100
    attempts = {one["name"]: one for one in whole["attempts"]}
    assert attempts["tell"]["output"] == {"told": 42}
    assert take["cut"] == []
    cut = get(refold, f"/executions/{execution}/history?data=100")["scopes"][0]
    assert (cut["input"], cut["output"], cut["cut"]) == (None, None, ["input", "output"])
    none = get(refold, f"/executions/{execution}/history?data=0")
    assert all(one["input"] is None and one["cut"] == [] for one in none["scopes"])
    pages, after = [], "0"
    while after is not None:
        path = f"/executions/{execution}/history?limit=2&after={after}&data=65536"
        page = get(refold, path)
        pages.append(page)
        after = page["next"]
    for name in ("scopes", "attempts"):
        assert [one for page in pages for one in page[name]] == whole[name]
    table = refold.cli("exec", "history", execution).body.decode()
    assert "(not shown: too large)" in table


def test_the_timeline_has_a_bar_for_everything_that_took_time(
    refold: Refold, order: str, eventually: Eventually
) -> None:
    execution = ordered(refold, order, eventually)
    found = get(refold, f"/executions/{execution}/timeline")
    bars = [(one["depth"], one["kind"], one["name"]) for one in found["bars"]]
    assert bars[:4] == [
        (0, "state", "Take"),
        (1, "action", "tell"),
        (0, "state", "Rest"),
        (1, "timer", "Rest"),
    ]
    assert bars.count((1, "iteration", "Each")) == 2
    assert bars.count((2, "action", "each")) == 2
    late = get(refold, f"/executions/{execution}/timeline?after={found['bars'][-2]['seq']}")
    assert late["bars"] == found["bars"][-1:], "its depth is known without the scopes around it"
    lines = refold.cli("exec", "timeline", execution).body.decode().splitlines()
    assert len(lines) == 1 + len(bars)
    assert max(map(len, lines)) <= 100


def test_cloudevents_lead_from_execution_to_execution(
    refold: Refold, order: str, eventually: Eventually
) -> None:
    ship = refold.apply(SHIP.replace("{order}", order))
    first = ordered(refold, order, eventually)
    (emitted,) = get(refold, f"/executions/{first}/lineage")["emitted"]
    event = {"specversion": "1.0", "id": emitted["id"], "source": "refold", "data": {}}
    headers = {"Content-Type": "application/cloudevents+json"}
    body = json.dumps({**event, "type": f"packed.{order}"})
    receipt = refold.ask("POST", "/events", body, headers).json["receipts"][0]
    descendants = eventually(lambda: get(refold, f"/executions/{first}/lineage")["descendants"])
    (second,) = [one["execution"] for one in descendants]
    assert (descendants[0]["role"], descendants[0]["workflow"]) == ("started", ship)
    (ancestor,) = get(refold, f"/executions/{second}/lineage")["ancestors"]
    assert (ancestor["execution"], ancestor["position"]) == (first, receipt["position"])
    found = get(refold, f"/events/{receipt['position']}/lineage")
    assert (found["emitted_by"]["execution"], found["emitted_by"]["state"]) == (first, "Each")
    assert [one["execution"] for one in found["taken_by"]] == [second]
    told = refold.cli("event", "lineage", str(receipt["position"])).body.decode()
    assert first in told
    assert second in told
    assert second in refold.cli("exec", "lineage", first).body.decode()

    (wait,) = eventually(lambda: get(refold, f"/waits?workflow={ship}")["items"])
    assert (wait["execution"], wait["state"], wait["kind"]) == (second, "Wait", "event")
    assert wait["events"][0]["correlation"] == {"no": None}
    assert get(refold, f"/waits?type=go.{order}&kind=event")["items"] == [wait]
    assert get(refold, f"/waits?type=go.{order}&due_before=2020-01-01T00:00:00Z")["items"] == []
    assert refold.cli("wait", "ls", "--workflow", ship, "-o", "ids").body.decode().split() == [
        second
    ]


@pytest.mark.parametrize("position", ["0", "x", "1e3", "999999999999", "9" * 30])
def test_a_position_without_a_cloudevent_has_no_lineage(refold: Refold, position: str) -> None:
    assert get(refold, f"/events/{position}/lineage", 404)["code"] == "not_found"


def test_statistics_count_states_and_executions(refold: Refold, eventually: Eventually) -> None:
    nap = refold.apply(NAP.replace("{duration}", "PT0.05S"))
    for _ in range(3):
        projected(refold, refold.start(nap, 20)["id"], eventually)
    (version,) = get(refold, f"/definitions/{nap}/statistics")["versions"]
    assert (version["started"], version["completed"]) == (3, 3)
    (state,) = version["states"]
    assert (state["name"], state["count"], state["failures"], state["open"]) == ("Nap", 3, 0, 0)
    duration = state["duration"]
    assert 50 <= duration["p50_ms"] <= duration["p95_ms"] <= duration["p99_ms"]
    path = f"/definitions/{nap}/statistics?until=2020-01-01T00:00:00Z"
    assert get(refold, path)["versions"] == []
    assert get(refold, f"/definitions/{nap}/statistics?version=9", 404)["code"] == "not_found"
    assert get(refold, "/definitions/none-such/statistics", 404)["code"] == "not_found"
    assert "completed in p50" in refold.cli("def", "stats", nap).body.decode()


def test_the_lag_of_the_read_tables_is_told(refold: Refold, eventually: Eventually) -> None:
    def level() -> Any:
        found = refold.ask("GET", "/projections", namespace=None).json
        return found if found["behind"] == 0 else None

    found = eventually(level)
    assert found["lag_s"] == 0
    assert found["rows"]["scopes"] > 0
    database = {"REFOLD_DATABASE_URL": refold.database}
    rows = json.loads(refold.cli("admin", "projection", "ls", "-o", "json", **database).body)
    assert {one["view"] for one in rows["items"]} == found["rows"].keys()
    shards = refold.cli("admin", "projection", "ls", "--shards", **database)
    assert shards.body.decode().split()[:3] == ["SHARD", "GENERATION", "POSITION"]
