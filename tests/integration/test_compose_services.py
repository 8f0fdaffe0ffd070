"""docker-compose.yml does what the README says: its services run here as programs, without Docker.

A key is needed, the README's requests work, a second engine takes over from a killed one, and the
engine's login can neither change nor delete an event.
"""

import asyncio
import json
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from server.embedded.throwaway import open_to_enter
from tests.integration.compose.description import ROOT
from tests.integration.compose.stack import BIN, Stack

ORDER = "workflow=order-handling"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    """All services, healthy."""
    home = open_to_enter(Path(tempfile.mkdtemp(prefix="refold-compose-")))
    home.chmod(0o711)
    running = Stack(home)
    try:
        await running.start()
        yield running
    finally:
        await running.stop()
        shutil.rmtree(home, ignore_errors=True)


def readme_commands() -> str:
    """The README's block for the composed services."""
    [block] = re.findall(r"<!-- test: compose -->\n```sh\n(.*?)```", _readme(), re.DOTALL)
    return block


def _readme() -> str:
    return (ROOT / "README.md").read_text()


def event(kind: str, order: str, data: dict) -> dict:
    """A CloudEvent about an order."""
    return {
        "specversion": "1.0", "id": f"{kind}-{order}", "type": kind, "source": f"/{kind[:4]}",
        "orderid": order, "datacontenttype": "application/json", "data": data,
    }  # fmt: skip


def place(stack: Stack, order: str) -> None:
    """Place an order."""
    data = {"id": order, "items": ["book"], "total": 20}
    sent = {**event("shop.order.placed", order, data), "source": "/shop"}
    _publish(stack, sent)


def settle(stack: Stack, order: str) -> None:
    """The bank settles an order."""
    _publish(stack, {**event("bank.payment.settled", order, {}), "source": "/bank"})


def _publish(stack: Stack, sent: dict) -> None:
    status, answer = stack.ask("POST", "/events", sent, stack.key, "application/cloudevents+json")
    assert status == 202, answer


def completed(stack: Stack) -> int:
    """How many orders are done."""
    status, answer = stack.ask("GET", f"/executions?{ORDER}&status=completed", key=stack.key)
    assert status == 200, answer
    return len(answer["items"])


async def owners(stack: Stack) -> set[str]:
    """Engines whose lease runs."""
    session = await asyncpg.connect(stack.postgres.url, database="refold")
    rows = await session.fetch(
        "SELECT DISTINCT owner FROM log.shards WHERE expires_at > log.now_ms_v1()"
    )
    await session.close()
    return {row["owner"] for row in rows}


def findings(stack: Stack, service: str, *options: str, **more: str) -> tuple[int, dict]:
    """Exit code of the doctor in a service, and its findings by check."""
    done = stack.run(service, str(BIN / "refold"), "doctor", "-o", "json", *options, **more)
    items = json.loads(done.stdout)["items"]
    return done.returncode, {one["check"]: one for one in items}


def test_the_commands_of_the_readme_run_an_order_through_functions_in_the_worker(stack, eventually):
    printed = stack.shell(readme_commands())
    assert "order-handling" in printed
    eventually(lambda: completed(stack) == 1)
    [one] = stack.ask("GET", f"/executions?{ORDER}", key=stack.key)[1]["items"]
    found = stack.ask("GET", f"/executions/{one['id']}", key=stack.key)[1]
    assert found["output"]["parcel"] == "parcel-7"
    events = stack.ask("GET", f"/executions/{one['id']}/events", key=stack.key)[1]["items"]
    assert {"ExecutionStarted", "ActionCompleted", "EventReceived"} <= {e["type"] for e in events}


@pytest.mark.parametrize("key", [None, "no-such-key"])
def test_nobody_gets_in_without_a_key(stack, key):
    for method, path, body in [
        ("GET", "/executions", None),
        ("POST", "/events", event("shop.order.placed", "0", {})),
        ("POST", "/definitions", {}),
    ]:
        status, problem = stack.ask(method, path, body, key)
        assert (status, problem["code"]) == (401, "auth.required")


def test_the_doctor_is_content_in_every_service(stack):
    for service, options in [("projector", ()), ("api", ()), ("engine", ())]:
        code, found = findings(stack, service, *options)
        assert code == 0
        assert {one["outcome"] for one in found.values()} == {"ok"}, (service, found)
        assert "refold_engine, who cannot change an event" in found["rights"]["detail"]
    code, found = findings(stack, "worker", "--role", "worker")
    assert (code, set(found)) == (0, {"refold", "nats"})


def test_the_doctor_warns_of_a_login_that_could_change_events(stack):
    owner = stack.environment("projector")["REFOLD_DATABASE_OWNER_URL"]
    code, found = findings(stack, "projector", REFOLD_DATABASE_URL=owner)
    assert (code, found["rights"]["outcome"]) == (0, "warning")
    assert "refold_engine" in found["rights"]["advice"]


def test_the_doctor_fails_where_a_service_refuses_its_login(stack):
    url = stack.environment("engine")["REFOLD_DATABASE_URL"]
    wrong = re.sub(r":p[0-9a-f]+@", ":guess@", url)
    code, found = findings(stack, "engine", REFOLD_DATABASE_URL=wrong)
    assert (code, found["postgres"]["outcome"]) == (1, "error")
    assert "password" in found["postgres"]["detail"]
    code, found = findings(
        stack, "worker", "--role", "worker", REFOLD_NATS_URL="nats://127.0.0.1:1"
    )
    assert (code, found["nats"]["outcome"]) == (1, "error")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("service", ["engine", "api"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log.events SET type = 'ExecutionFailed'",
        "DELETE FROM log.events",
        "TRUNCATE log.events",
        "DROP TABLE log.events",
        "INSERT INTO log.events SELECT * FROM log.events",
        "UPDATE log.shards SET owner = 'me'",
        "DELETE FROM read_1.executions",
        "SET ROLE refold",
    ],
)
async def test_the_login_of_engines_and_api_cannot_touch_what_was_written(
    stack, service, statement
):
    session = await asyncpg.connect(stack.environment(service)["REFOLD_DATABASE_URL"])
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await session.execute(statement)
    await session.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_a_second_engine_joins_and_takes_over_when_the_first_is_killed(stack, eventually):
    first = stack.programs["engine"][0]
    alone = await owners(stack)
    done = completed(stack)
    orders = [f"takeover-{number}" for number in range(12)]
    for order in orders:
        place(stack, order)
    stack.start_service("engine")
    async with asyncio.timeout(60):
        while len(both := await owners(stack)) < 2:
            await asyncio.sleep(0.2)
    first.kill()
    first.wait(10)
    for order in orders:
        settle(stack, order)
    eventually(lambda: completed(stack) == done + len(orders), 90.0)
    assert await owners(stack) == both - alone
