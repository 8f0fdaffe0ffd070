"""What the API says while Postgres or NATS is away, and that it comes back by itself."""

from tests.integration.conftest import GREET, end, launch


async def test_without_postgres_it_is_503_until_postgres_is_back(
    postgres_server, nats_server, tmp_path, eventually
):
    server = launch(
        ["serve", "--role", "api,engine,projector", "--http", "127.0.0.1:0"], tmp_path / "log",
        REFOLD_DATABASE_URL=postgres_server.url, REFOLD_NATS_URL=nats_server.url,
    )  # fmt: skip
    try:
        workflow = server.apply(GREET)
        before = server.start(workflow, wait_s=30, name="before")["id"]
        await postgres_server.kill()
        for method, path, body in (
            ("GET", "/executions", None),
            ("GET", f"/executions/{before}", None),
            ("GET", f"/executions/{before}/events", None),
            ("GET", "/definitions", None),
            ("GET", "/events", None),
            ("POST", "/executions", {"workflow": workflow}),
        ):
            reply = server.ask(method, path, body)
            assert (reply.status, reply.json["code"]) == (503, "unavailable"), (path, reply.body)
            assert int(reply.headers["retry-after"]) > 0
            assert reply.json["retryable"] is True
        assert server.ask("GET", "/healthz", namespace=None).status == 200
        assert server.ask("GET", "/readyz", namespace=None).status == 503
        await postgres_server.start()
        eventually(lambda: server.ask("GET", "/readyz", namespace=None).status == 200)
        eventually(lambda: server.ask("GET", f"/executions/{before}").status == 200)
        after = server.start(workflow, wait_s=50, name="after")
        assert after["status"] == "completed"
    finally:
        assert end(server) == 0


async def test_without_nats_http_goes_on(postgres_server, nats_server, tmp_path, eventually):
    server = launch(
        ["serve", "--role", "api,engine,projector", "--http", "127.0.0.1:0"], tmp_path / "log",
        REFOLD_DATABASE_URL=postgres_server.url, REFOLD_NATS_URL=nats_server.url,
    )  # fmt: skip
    try:
        workflow = server.apply(GREET)
        await nats_server.kill()
        eventually(lambda: server.ask("GET", "/readyz", namespace=None).status == 503)
        assert server.start(workflow, wait_s=30)["status"] == "completed"
        await nats_server.start()
        eventually(lambda: server.ask("GET", "/readyz", namespace=None).status == 200)
    finally:
        assert end(server) == 0
