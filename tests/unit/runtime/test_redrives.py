"""What failed or was cancelled is tried again from there."""

import asyncio

import pytest

from engine.ports.requests import CancelRequest, encode
from engine.ports.world import Failed
from schemas.events.parts import Asked, Error
from server.api.door.problem import ProblemRaised
from tests.fork_harness import (
    CHOOSING,
    forked,
    wait_for,
)
from tests.runtime_harness import NAMESPACE, steps


async def test_a_failed_execution_is_tried_again_from_its_failed_action(world):
    await world.started_node()
    fails = [True]
    world.handler.answer = lambda call: (
        Failed(Error(code="down", message="down")) if fails[0] and call.arguments["step"] == 2
        else {"n": call.arguments["step"]}
    )  # fmt: skip
    source = await world.start(await world.apply(steps("three", 3)))
    assert (await world.closed(source)).phase == "failed"
    fails[0] = False
    ident = await forked(world, source, redrive=True)
    assert (await world.closed(ident)).output == {"n": 3}
    assert [call.arguments["step"] for call in world.handler.calls] == [1, 2, 2, 3]
    with pytest.raises(ProblemRaised) as raised:
        await forked(world, ident, redrive=True)
    assert raised.value.code == "execution.not_failed"


async def test_where_an_expression_failed_a_corrected_version_goes_on(world):
    await world.started_node()
    source = await world.start(await world.apply(CHOOSING))
    assert (await world.closed(source)).error.code == "condition.not_boolean"
    corrected = CHOOSING.replace("'1.0'", "'2.0'").replace(".large }", '.large == "yes" }')
    await world.apply(corrected)
    ident = await forked(world, source, redrive=True, version="2.0")
    state = await world.closed(ident)
    assert (state.phase, state.version) == ("completed", "2.0")
    again = await forked(world, source, redrive=True, again=True)
    assert (await world.closed(again)).error.code == "condition.not_boolean"


async def test_what_was_cancelled_is_taken_up_where_it_stood(world):
    await world.started_node()
    hangs = asyncio.Event()
    world.handler.answer = lambda call: wait_for(hangs)
    source = await world.start(await world.apply(steps("one", 1)))
    await world.until(source, lambda state: bool(state.actions))
    body = encode(CancelRequest(asked=Asked(reason="wrong one")))
    await world.storage.inbox.put("cancel", source, NAMESPACE, body, "tester", None)
    assert (await world.closed(source)).phase == "cancelled"
    ident = await forked(world, source, redrive=True)
    hangs.set()
    assert (await world.closed(ident)).phase == "completed"
    assert {call.execution_id for call in world.handler.calls} == {source, ident}
