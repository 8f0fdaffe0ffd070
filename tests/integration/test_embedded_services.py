"""Embedded services as one: started for what the environment does not name, stopped together."""

from pathlib import Path

import asyncpg
import nats
import pytest

from server.embedded import EmbeddedServices
from server.embedded.errors import PlaceUnusable
from server.embedded.ownership import programs_in


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REFOLD_DATABASE_URL", raising=False)
    monkeypatch.delenv("REFOLD_NATS_URL", raising=False)


async def test_both_answer_inside_and_neither_runs_afterwards(service_dir: Path) -> None:
    async with EmbeddedServices(service_dir) as services:
        connection = await asyncpg.connect(services.database_url)
        cluster = Path(await connection.fetchval("SHOW data_directory"))
        await connection.close()
        await (await nats.connect(services.nats_url)).close()
    assert programs_in(cluster, "postgres") == []
    assert programs_in(service_dir / "nats", "nats-server") == []


async def test_what_the_environment_names_is_not_started(
    service_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFOLD_DATABASE_URL", "postgresql://db.example/refold")
    monkeypatch.setenv("REFOLD_NATS_URL", "nats://nats.example:4222")
    async with EmbeddedServices(service_dir) as services:
        assert services.database_url == "postgresql://db.example/refold"
        assert services.nats_url == "nats://nats.example:4222"
        assert services.postgres is None
        assert services.nats is None
    assert list(service_dir.iterdir()) == []


async def test_when_the_second_cannot_start_the_first_is_stopped(
    service_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with EmbeddedServices(service_dir) as running:
        taken = int(running.nats_url.rpartition(":")[2])
        other = service_dir / "other"
        with pytest.raises(PlaceUnusable, match="taken"):
            await EmbeddedServices(other, nats_port=taken).__aenter__()
    clusters = [path.resolve() for path in other.rglob("postgres-*") if path.is_dir()]
    assert clusters
    assert all(programs_in(cluster, "postgres") == [] for cluster in clusters)
