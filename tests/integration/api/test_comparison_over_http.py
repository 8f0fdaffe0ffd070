"""Two executions side by side over HTTP and on the command line."""

import json

import pytest

ORDER = {
    "id": "{id}",
    "version": "1",
    "specVersion": "0.8",
    "start": "Decide",
    "states": [
        {
            "name": "Decide",
            "type": "switch",
            "dataConditions": [{"condition": "${ .total > 100 }", "transition": "Review"}],
            "defaultCondition": {"transition": "Ship"},
        },
        {"name": "Review", "type": "inject", "data": {"reviewed": True}, "transition": "Ship"},
        {"name": "Ship", "type": "inject", "data": {"shipped": True}, "end": True},
    ],
}


@pytest.fixture(scope="module")
def ended(refold):
    workflow = refold.apply(json.dumps(ORDER))

    def run(total):
        return refold.start(workflow, wait_s=20, input={"total": total})["id"]

    return run


def test_the_same_input_goes_the_same_way(refold, ended):
    left, right = ended(5), ended(5)
    found = refold.ask("GET", f"/executions/{left}/compare?with={right}").json
    assert (found["same"], found["complete"], found["common"]) == (True, True, 0)
    assert found["first_divergence"] is None
    assert all(pair["same"] for pair in found["pairs"])


def test_the_first_difference_and_the_step_of_one_side_are_marked(refold, ended):
    left, right = ended(5), ended(500)
    found = refold.ask("GET", f"/executions/{left}/compare?with={right}").json
    assert (found["same"], found["first_divergence"]) == (False, 0)
    assert found["pairs"][0]["changes"] == [
        {"op": "replace", "path": "/input/total", "value": 500, "was": 5}
    ]
    alone = [pair["right"]["told"] for pair in found["pairs"] if pair["left"] is None]
    assert "enters Review" in alone


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 400, "query.invalid"),
        ("?with=nothing", 404, "id.malformed"),
        ("?with=ex_00000000000000000000000000", 404, "not_found"),
    ],
)
def test_bad_questions_get_a_clear_answer(refold, ended, query, status, code):
    reply = refold.ask("GET", f"/executions/{ended(5)}/compare{query}")
    assert (reply.status, reply.json["code"]) == (status, code)
