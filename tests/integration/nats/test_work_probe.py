"""Whether a worker listens for a function is asked without calling it."""

from engine.adapters.nats.work_probe import WorkProbe


async def test_a_function_without_a_worker_is_told_from_one_with(
    nats_url, connect, start_worker, start_handler, call, module, namespace, caplog
):
    connection = await connect(nats_url)
    probe = WorkProbe(connection)
    assert await probe.listens(namespace, f"{module}:add") is False
    await start_worker(await connect(nats_url))
    assert await probe.listens(namespace, f"{module}:add") is True
    assert "cannot be read" not in caplog.text
    handler = await start_handler(connection)
    answered = await handler.run(call("add", {"a": 1, "b": 2}))
    assert answered.result == {"sum": 3}


async def test_without_nats_it_is_not_known(nats_url, connect):
    connection = await connect(nats_url)
    await connection.close()
    assert await WorkProbe(connection).listens("default", "m:f") is None
