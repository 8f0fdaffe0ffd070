"""The embedded NATS: what survives a kill, which port it keeps, whom it refuses."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import nats
import pytest

from server.embedded import EmbeddedNats
from server.embedded.errors import AlreadyRunning, PlaceUnusable, ProgramMissing
from server.embedded.loopback import pick_free
from server.embedded.ownership import programs_in

OWNER = """
import asyncio, sys
from pathlib import Path
from server.embedded import EmbeddedNats

async def main():
    await EmbeddedNats(Path(sys.argv[1])).start()
    print("ready", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


async def publish(url: str, count: int) -> None:
    client = await nats.connect(url)
    try:
        stream = client.jetstream()
        await stream.add_stream(name="kept", subjects=["kept.>"])
        for number in range(count):
            await stream.publish("kept.it", str(number).encode())
    finally:
        await client.close()


async def message_count(url: str) -> int:
    client = await nats.connect(url)
    try:
        return (await client.jetstream().stream_info("kept")).state.messages
    finally:
        await client.close()


async def test_a_stream_survives_kill_and_restart(nats_server: EmbeddedNats) -> None:
    await publish(nats_server.url, 100)
    await nats_server.kill()
    await nats_server.restart()
    assert await message_count(nats_server.url) == 100


async def test_restart_keeps_the_port_and_connected_clients_come_back(
    nats_server: EmbeddedNats,
) -> None:
    back = asyncio.Event()

    async def on_reconnect() -> None:
        back.set()

    url = nats_server.url
    client = await nats.connect(
        url, reconnect_time_wait=0.05, max_reconnect_attempts=-1, reconnected_cb=on_reconnect
    )
    await nats_server.kill()
    assert await nats_server.restart() == url
    await back.wait()
    await client.flush()
    await client.close()


async def test_a_port_given_is_the_port_used(service_dir: Path) -> None:
    port = pick_free("127.0.0.1")
    async with EmbeddedNats(service_dir, port=port) as server:
        assert server.url == f"nats://127.0.0.1:{port}"
        await (await nats.connect(server.url)).close()


async def test_a_port_in_use_is_refused_before_anyone_connects(service_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        with pytest.raises(PlaceUnusable, match=f"port {port} .* taken"):
            await EmbeddedNats(service_dir, port=port).start()
        stranger.setblocking(False)
        with pytest.raises(BlockingIOError):
            stranger.accept()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_an_address_that_others_can_reach_is_refused(host: str, tmp_path: Path) -> None:
    with pytest.raises(PlaceUnusable, match="loopback only"):
        EmbeddedNats(tmp_path, host)


def test_a_free_port_is_never_one_that_the_kernel_gives_to_clients() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(pick_free("127.0.0.1") < lowest for _ in range(50))


async def test_a_second_owner_is_refused(nats_server: EmbeddedNats, service_dir: Path) -> None:
    with pytest.raises(AlreadyRunning, match=f"pid {os.getpid()}"):
        await EmbeddedNats(service_dir).start()


async def test_when_its_owner_is_killed_it_ends_too(service_dir: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(service_dir)], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        assert await asyncio.to_thread(owner.stdout.readline) == "ready\n"
        assert programs_in(service_dir / "nats", "nats-server")
        owner.kill()
    while programs_in(service_dir / "nats", "nats-server"):  # ends by itself, without us
        await asyncio.sleep(0.05)
    async with EmbeddedNats(service_dir) as next_owner:
        await (await nats.connect(next_owner.url)).close()


async def test_wait_tells_when_the_server_ends_by_itself(nats_server: EmbeddedNats) -> None:
    os.kill(nats_server.pid, signal.SIGKILL)
    assert await nats_server.wait() == -signal.SIGKILL
    await nats_server.start()
    await publish(nats_server.url, 1)


async def test_a_program_that_is_none_is_named(
    service_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFOLD_NATS_BIN", str(service_dir))
    with pytest.raises(ProgramMissing, match="REFOLD_NATS_BIN"):
        await EmbeddedNats(service_dir).start()
