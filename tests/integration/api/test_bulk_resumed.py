"""A bulk fork that broke off: the same key goes on, and nothing is made twice."""

import http.client
import json
import uuid
from collections import Counter
from urllib.parse import urlsplit

from tests.integration.api.bulk_cases import JSON, bulk, failed, made_by
from tests.integration.conftest import launch

MANY = 100


def test_a_batch_goes_on_on_another_server_when_the_one_it_ran_on_was_killed(
    refold, tmp_path, eventually
):
    name, sources = failed(refold, MANY)
    other = launch(
        ["serve", "--role", "api", "--http", "127.0.0.1:0"], tmp_path / "log",
        REFOLD_DATABASE_URL=refold.database, REFOLD_NATS_URL=refold.nats,
    )  # fmt: skip
    key, place = uuid.uuid4().hex, urlsplit(other.url)
    wanted = {"filter": {"workflow": name}, "fork": {"at": "failed_state"}, "reason": "mended"}
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
    try:
        connection.request(
            "POST", "/v1/namespaces/default/executions/fork",
            json.dumps({**wanted, "rate": 40}), {**JSON, "Idempotency-Key": key},
        )  # fmt: skip
        answer = connection.getresponse()
        begin, progress = json.loads(answer.readline()), json.loads(answer.readline())
    finally:
        other.process.kill()
        other.process.wait(30)
        connection.close()
    assert 0 < progress["progress"]["done"] < MANY
    later = refold.start(name, 20)["id"]
    first, *_, last = bulk(refold, "fork", key, **wanted)
    assert (first["batch"], first["count"]) == (begin["batch"], MANY)
    summary = last["summary"]
    assert summary["before"] >= progress["progress"]["done"]
    assert summary["forked"] > 0
    assert summary["forked"] + summary["before"] == MANY
    made = made_by(refold, first["batch"], eventually, MANY)
    assert Counter(one["forked_from"] for one in made) == Counter(sources)
    assert later not in {one["forked_from"] for one in made}
    phases = [
        one["data"]["phase"]
        for one in refold.ask("GET", f"/audit?target={first['batch']}").json["items"]
    ]
    assert phases == ["ended", "begun"]
