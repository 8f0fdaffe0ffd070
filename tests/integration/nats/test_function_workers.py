"""Calls of Python functions through a real NATS server: answers, errors, bounds."""

import asyncio

import pytest

from engine.ports.world import Answered, Failed
from schemas import json_text


@pytest.fixture
async def handler(nats_url, connect, start_worker, start_handler):
    connection = await connect(nats_url)
    await start_worker(connection)
    return await start_handler(await connect(nats_url))


async def test_a_function_gets_the_arguments_and_gives_a_value_and_what_it_prints(handler, call):
    answer = await handler.run(call("add", {"a": 1, "b": 2}))
    assert answer == Answered({"sum": 3}, "adding 1\n")


async def test_async_functions_run_and_numbers_keep_their_text(handler, call):
    arguments = json_text.loads(b'{"price":1.10,"id":12345678901234567890123}')
    answer = await handler.run(call("later", arguments))
    assert json_text.dumps(answer.result) == b'{"price":1.10,"id":12345678901234567890123}'
    assert answer.printed == "later\n"


async def test_what_functions_print_at_the_same_time_stays_apart(handler, call):
    answers = await asyncio.gather(*(handler.run(call("add", {"a": n, "b": 0})) for n in range(50)))
    assert [answer.printed for answer in answers] == [f"adding {n}\n" for n in range(50)]


async def test_an_exception_is_an_error_named_by_its_classes(handler, call, module):
    answer = await handler.run(call("fail", {"sku": "tea"}))
    assert isinstance(answer, Failed)
    assert answer.error.code == "python.exception"
    assert answer.error.aliases == ("OutOfStock", f"{module}.OutOfStock", "LookupError")
    assert answer.error.message == "OutOfStock: no more of tea"
    assert "raise OutOfStock" in answer.error.detail["traceback"]
    assert answer.printed == "before it fails\n"


@pytest.mark.parametrize("function", ["leave", "leave_later"])
async def test_a_function_that_exits_does_not_end_the_worker(handler, call, function):
    answer = await handler.run(call(function, {}))
    assert answer.error.aliases[0] == "SystemExit"
    assert isinstance(await handler.run(call("later", {"after": 1})), Answered)


@pytest.mark.parametrize("what", ["nan", "set", "key", "surrogate"])
async def test_a_result_that_is_not_json_is_an_error(handler, call, what):
    answer = await handler.run(call("give", {"what": what}))
    assert answer.error.code == "python.result_not_json"


@pytest.mark.parametrize(("what", "value"), [("big", 10**40), ("tuple", [1, 2])])
async def test_large_integers_and_tuples_are_json(handler, call, what, value):
    assert (await handler.run(call("give", {"what": what}))).result == value


async def test_printing_and_results_are_limited(handler, call):
    answer = await handler.run(call("much", {"size": 10}))
    assert 65_536 <= len(answer.printed) < 66_000
    assert "cut" in answer.printed[-100:]
    large = await handler.run(call("much", {"size": 1_100_000}))
    assert large.error.code == "data.too_large"
    assert large.printed is not None


async def test_what_is_printed_need_not_be_text(handler, call):
    assert await handler.run(call("mumble", {})) == Answered(None, "? and \x00\n")


async def test_a_worker_that_stops_gives_its_calls_to_another(
    nats_url, connect, start_handler, start_worker, call
):
    leaving = await start_worker(await connect(nats_url), running=1)
    handler = await start_handler(await connect(nats_url))
    calls = [
        asyncio.create_task(handler.run(call("slow_count", {"seconds": seconds})))
        for seconds in (60, 0, 0)
    ]
    await asyncio.sleep(0.3)
    await leaving.stop(0.1)
    await start_worker(await connect(nats_url))
    answers = await asyncio.wait_for(asyncio.gather(*calls[1:]), 30)
    assert all(isinstance(answer, Answered) for answer in answers)
    assert not calls[0].done()
    calls[0].cancel()


async def test_a_request_beyond_what_nats_carries_is_too_large(handler, call):
    answer = await handler.run(call("later", {"a": "x" * 1_100_000}))
    assert answer.error.code == "data.too_large"


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("missing", "function.unknown"),
        ("no_such_module_here:run", "function.unknown"),
        ("not_a_function", "function.unknown"),
        ("_private", "function.unknown"),
        ("OutOfStock", "function.unknown"),
        ("os:system", "function.refused"),
        ("subprocess:run", "function.refused"),
        ("engine.core.chain:event_hash", "function.refused"),
        ("borrowed", "function.refused"),
        ("a b:c", "function.unknown"),
    ],
)
async def test_only_functions_of_the_directory_are_called(handler, call, operation, code):
    answer = await handler.run(call(operation, {}))
    assert isinstance(answer, Failed)
    assert answer.error.code == code


async def test_a_module_that_fails_at_import_says_so(handler, call, functions_dir):
    (functions_dir / "brokenmodule.py").write_text("import nothing_of_this_name\n")
    answer = await handler.run(call("brokenmodule:run", {}))
    assert answer.error.code == "function.broken"
    assert "nothing_of_this_name" in answer.error.message


async def test_arguments_that_are_no_object_are_refused(handler, call):
    answer = await handler.run(call("add", [1, 2]))
    assert answer.error.code == "function.bad_arguments"


async def test_the_time_limit_ends_an_async_function_in_the_worker(handler, call):
    answer = await handler.run(call("later", {"seconds": 60}, timeout_ms=200))
    assert answer.error.code == "timeout"


async def test_without_a_worker_a_call_waits_until_its_limit(
    nats_url, connect, start_handler, call
):
    handler = await start_handler(await connect(nats_url))
    answer = await handler.run(call("add", {"a": 1, "b": 2}, timeout_ms=900))
    assert answer.error.code == "worker.none"
    assert "connection" in answer.error.aliases


async def test_a_worker_that_starts_later_gets_the_call(
    nats_url, connect, start_handler, start_worker, call
):
    handler = await start_handler(await connect(nats_url))
    waiting = asyncio.create_task(handler.run(call("add", {"a": 1, "b": 2})))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    await start_worker(await connect(nats_url))
    assert (await waiting).result == {"sum": 3}


async def test_calls_beyond_the_bound_are_deferred_and_all_are_answered(
    nats_url, connect, start_handler, start_worker, call
):
    await start_worker(await connect(nats_url), running=2, waiting=2)
    handler = await start_handler(await connect(nats_url))
    answers = await asyncio.gather(
        *(handler.run(call("later", {"n": n, "seconds": 0.05})) for n in range(12))
    )
    assert [answer.result["n"] for answer in answers] == list(range(12))


async def test_two_workers_share_the_calls_and_each_call_runs_once(
    nats_url, connect, start_handler, start_worker, call
):
    await start_worker(await connect(nats_url))
    await start_worker(await connect(nats_url))
    handler = await start_handler(await connect(nats_url))
    answers = await asyncio.gather(*(handler.run(call("count", {"n": n})) for n in range(40)))
    assert sorted(answer.result for answer in answers) == list(range(1, 41))


async def test_a_worker_that_falls_silent_is_lost(nats_url, connect, start_handler, call):
    """A worker of another making: it says that it works, and never again anything."""
    connection = await connect(nats_url)
    client = await connection.connected()
    one = call("add", {})

    async def take(message):
        kind = "io.refold.work.progressed.v1"
        sign = {"specversion": "1.0", "id": "1", "source": "/w", "type": kind, "workid": "x"}
        await message.respond(json_text.dumps(sign))

    await client.subscribe(f"refold.work.{one.namespace}.>", queue="w", cb=take)
    await client.flush()
    handler = await start_handler(await connect(nats_url), silence_s=0.3)
    answer = await handler.run(one)
    assert answer.error.code == "worker.lost"
    assert "connection" in answer.error.aliases


@pytest.mark.parametrize(
    "reply",
    [
        b"not json",
        b"[]",
        b'{"specversion":"1.0","id":"1","source":"/w","type":"other","workid":"x"}',
        b'{"specversion":"1.0","id":"1","source":"/w","type":"io.refold.work.failed.v1",'
        b'"workid":"x","data":{"code":"Bad Code"}}',
        b'{"specversion":"1.0","id":"1","source":"/w","type":"io.refold.work.completed.v1",'
        b'"workid":"x","data":{"result":' + b"[" * 65 + b"]" * 65 + b"}}",
    ],
)
async def test_a_reply_that_breaks_the_protocol_is_an_error(
    nats_url, connect, start_handler, call, reply
):
    connection = await connect(nats_url)
    client = await connection.connected()
    one = call("add", {})

    async def take(message):
        await message.respond(reply)

    await client.subscribe(f"refold.work.{one.namespace}.>", cb=take)
    await client.flush()
    handler = await start_handler(await connect(nats_url))
    answer = await handler.run(one)
    assert isinstance(answer, Failed)
    assert answer.error.code == "worker.bad_answer"


async def test_a_worker_survives_requests_that_it_cannot_read(
    nats_url, connect, handler, call, namespace
):
    client = await (await connect(nats_url)).connected()
    for payload in (b"", b"{", b"[]", b'{"specversion":"1.0"}', b"\xff" * 100):
        await client.publish(f"refold.work.{namespace}.x", payload, reply="somewhere")
    await client.flush()
    assert (await handler.run(call("add", {"a": 1, "b": 1}))).result == {"sum": 2}


async def test_a_cancelled_call_is_forgotten(handler, call):
    task = asyncio.create_task(handler.run(call("later", {"seconds": 0.3})))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert isinstance(await handler.run(call("later", {"seconds": 0.3})), Answered)
