"""docs/worker-protocol.md is what happens: its exchange, with a worker that knows only the page."""

import asyncio
import json
import re
from pathlib import Path
from uuid import UUID

import nats
import pytest
import pytest_asyncio

from engine.adapters.nats.connection import NatsConnection
from engine.adapters.nats.subjects import work_subject
from engine.adapters.nats.work_handler import WorkHandler
from engine.model.cloudevents.nats_binding import from_nats
from engine.ports.world import Answered, Call, Failed
from schemas import json_text
from schemas.events.parts import Error

PAGE = (Path(__file__).parents[2] / "docs" / "worker-protocol.md").read_text()
HEADERS = {"Content-Type": "application/cloudevents+json"}
ACTION = "ex_01h455vb4pex5vsknk084sn02q:7:/states/1/actions/0"


def example(name: str) -> bytes:
    """The JSON block of the page with this name."""
    found = re.search(rf"^```json {name}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None, name
    return found[1].encode()


CALL = Call(
    namespace="shop",
    execution_id=UUID("01890a5d-ac96-774b-bcce-b302099a8057"),
    workflow="order",
    state="Tax",
    function="tax",
    handler="python",
    operation="billing.tax:compute",
    arguments=json_text.loads(b'{"net":100.10,"country":"DE"}'),
    key=ACTION,
    attempt=1,
    timeout_ms=30_000,
)


@pytest_asyncio.fixture
async def handler(nats_server):
    connection = NatsConnection(nats_server.url)
    connection.start()
    handler = WorkHandler(connection)
    await handler.start()
    await connection.connected(30)
    yield handler
    await connection.close()


@pytest_asyncio.fixture
async def foreign(nats_server):
    """A client that shares no code with Refold."""
    client = await nats.connect(nats_server.url)
    yield client
    await client.close()


async def exchange(handler, foreign, *replies: str):
    """Let the page's worker answer the page's call; gives the requests it saw and the answer."""
    requests = []

    async def work(message):
        requests.append(message)
        request = json.loads(message.data)
        for name in replies:
            reply = {**json.loads(example(name)), "workid": request["id"]}
            body = example(name) if name == "completed" else json.dumps(reply).encode()
            await foreign.publish(message.reply, body, headers=HEADERS)

    await foreign.subscribe("refold.work.shop.billing.tax%3Acompute", queue="mine", cb=work)
    await foreign.flush()
    answer = await asyncio.wait_for(handler.run(CALL), 60)
    return requests, answer


async def test_the_request_is_the_one_on_the_page(handler, foreign):
    requests, _ = await exchange(handler, foreign, "completed")
    (message,) = requests
    shown = json.loads(example("request"), parse_float=str)
    sent = json.loads(message.data, parse_float=str)
    assert sent.pop("id").startswith(shown.pop("id").rpartition(":")[0])
    assert list(sent) == list(shown)
    assert sent == shown
    assert message.subject == work_subject("shop", "billing.tax:compute")
    assert message.headers == HEADERS


async def test_the_answer_on_the_page_is_taken_with_its_numbers(handler, foreign):
    _, answer = await exchange(handler, foreign, "progressed", "progressed", "completed")
    assert isinstance(answer, Answered)
    assert json_text.dumps(answer.result) == b'{"gross":119.119,"rate":0.190}'
    assert answer.printed == "DE: 19 %\n"


async def test_the_failure_on_the_page_is_an_error(handler, foreign):
    _, answer = await exchange(handler, foreign, "failed")
    message, detail = "There is no rate for XX.", {"country": "XX"}
    assert answer == Failed(
        Error("tax.unknown_country", message, ("UnknownCountry",), detail=detail)
    )


async def test_an_answer_with_a_reply_subject_is_confirmed(handler, foreign):
    confirmed = asyncio.Event()
    inbox = foreign.new_inbox()

    async def note(message):
        if message.data == b"" and not message.headers:
            confirmed.set()

    async def work(message):
        await foreign.publish(message.reply, example("completed"), reply=inbox, headers=HEADERS)

    await foreign.subscribe(inbox, cb=note)
    await foreign.subscribe("refold.work.*.>", queue="mine", cb=work)
    await foreign.flush()
    assert isinstance(await handler.run(CALL), Answered)
    await asyncio.wait_for(confirmed.wait(), 60)


@pytest.mark.parametrize("name", ["request", "completed", "failed", "progressed"])
def test_every_message_on_the_page_is_a_cloudevent(name):
    event = from_nats(HEADERS.items(), example(name))
    assert event.type.startswith("io.refold.work.")


async def test_a_deferred_call_is_sent_again(handler, foreign):
    seen = []

    async def work(message):
        seen.append(json.loads(message.data)["id"])
        kind = "completed" if len(seen) > 1 else "progressed"
        reply = example(kind)
        if len(seen) == 1:
            reply = reply.replace(b"work.progressed", b"work.deferred")
        await foreign.publish(message.reply, reply, headers=HEADERS)

    await foreign.subscribe("refold.work.shop.>", queue="mine", cb=work)
    await foreign.flush()
    assert isinstance(await asyncio.wait_for(handler.run(CALL), 60), Answered)
    assert len(seen) == 2
    assert len(set(seen)) == 1
