"""The services of docker-compose.yml as programs of this machine.

Each runs its own command with its own environment; only host names, ports and mounted paths are
put in the place of those that Docker would give. Postgres is made by the file's own script and asks
for the passwords; NATS reads the file's own configuration.
"""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from server.embedded import EmbeddedPostgres
from server.embedded.binaries import find_nats_server
from tests.integration.compose.description import ROOT, read_compose, read_env_file

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
HEALTHY_S = 120.0
_HBA = "local all postgres trust\nlocal all all scram-sha-256\n"


class Stack:
    """All services, each a list of running programs."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.secrets = home / "deploy" / "secrets"
        self.programs: dict[str, list[subprocess.Popen[bytes]]] = {}
        self.postgres = EmbeddedPostgres(home / "services")
        self.http_port, self.nats_port, self.nats_http_port = (_free_port() for _ in range(3))
        self.compose: dict[str, Any] = {}
        self.bin = home / "bin"
        self._places: dict[str, str] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def key(self) -> str:
        return (self.secrets / "api-key").read_text().strip()

    async def start(self) -> None:
        """Secrets, services, roles, in the order of `depends_on`."""
        self._stand_ins()
        subprocess.run([ROOT / "deploy" / "make-secrets", self.home], check=True, timeout=30)
        self.compose = read_compose(read_env_file(self.home / ".env"))
        await self._start_postgres()
        self._start_nats()
        for name in ("projector", "api", "engine", "worker"):
            self.start_service(name)
            self.until_healthy(name)

    async def stop(self) -> None:
        for name in reversed(self.programs):
            for program in self.programs[name]:
                _end(program)
        await self.postgres.stop()

    async def _start_postgres(self) -> None:
        url = await self.postgres.start()
        service = self.compose["services"]["postgres"]
        sockets = url.partition("host=")[2].partition("&")[0].replace("%2F", "/")
        database = service["environment"]["POSTGRES_DB"]
        session = await asyncpg.connect(url)
        await session.execute(f'CREATE DATABASE "{database}"')
        script = _mounted(service, "/docker-entrypoint-initdb.d/refold.sh")
        subprocess.run(
            [script], check=True, timeout=60,
            env={"PATH": f"{self.bin}{os.pathsep}{os.defpath}", "POSTGRES_USER": "postgres",
                 "PGHOST": sockets, "PGPORT": "5432", **service["environment"]},
        )  # fmt: skip
        hba = Path(await session.fetchval("SHOW hba_file"))
        hba.write_text(_HBA)
        await session.execute("SELECT pg_reload_conf()")
        await session.close()
        self._places["@postgres:5432/refold"] = f"@/refold?host={sockets}&port=5432"
        self._places["@nats:4222"] = f"@127.0.0.1:{self.nats_port}"
        self._places["0.0.0.0:7070"] = self._places["127.0.0.1:7070"] = self.url.split("//")[1]
        keys = self.compose["secrets"]["api-keys"]["file"]
        self._places["/run/secrets/api-keys"] = str(self.home / keys)

    def _start_nats(self) -> None:
        service = self.compose["services"]["nats"]
        option, config = service["command"]
        [volume] = [one.split(":")[1] for one in service["volumes"] if one.startswith("nats:")]
        text = Path(_mounted(service, config)).read_text()
        assert f"store_dir: {volume}\n" in text, "JetStream's store is not on the volume"
        here = self.home / "nats.conf"
        here.write_text(text.replace(f"store_dir: {volume}", f'store_dir: "{self.home}/nats"'))
        ours = ["--addr", "127.0.0.1", "--port", str(self.nats_port), "--http_port"]
        command = [str(find_nats_server()), option, str(here), *ours, str(self.nats_http_port)]
        self._run("nats", command, service["environment"])
        page = service["healthcheck"]["test"][-1]
        page = page.replace(":8222", f":{self.nats_http_port}")
        self._until("nats", lambda: _answers(page))

    def start_service(self, name: str) -> "subprocess.Popen[bytes]":
        """One more program of a service, as `--scale` would start it."""
        command = [str(BIN / "refold"), *self.compose["services"][name]["command"]]
        return self._run(name, command, self.environment(name))

    def environment(self, name: str) -> dict[str, str]:
        """The service's own environment, its places on this machine."""
        service = self.compose["services"][name]
        found = {key: self._here(value) for key, value in service["environment"].items()}
        for mount in service.get("volumes", ()):
            source, target, _ = mount.split(":")
            found = {key: value.replace(target, str(ROOT / source)) for key, value in found.items()}
        return found

    def run(self, name: str, *arguments: str, **more: str) -> "subprocess.CompletedProcess[bytes]":
        """A command in a service, as `docker compose exec` would run it."""
        return subprocess.run(
            arguments, env=self._whole({**self.environment(name), **more}), cwd=self.home,
            capture_output=True, timeout=120, check=False,
        )  # fmt: skip

    def until_healthy(self, name: str) -> None:
        """Until the service's own health check passes."""
        kind, program, *rest = self.compose["services"][name]["healthcheck"]["test"]
        assert kind == "CMD"
        command = [str(BIN / program), *(self._here(one) for one in rest)]
        self._until(name, lambda: self.run(name, *command).returncode == 0)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        key: str | None = None,
        media: str = "application/json",
    ) -> Any:
        """Status and JSON of an answer of the API."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        headers = {"Content-Type": media}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        sent = None if body is None else json.dumps(body)
        connection.request(method, f"/v1/namespaces/default{path}", sent, headers)
        reply = connection.getresponse()
        status, text = reply.status, reply.read()
        connection.close()
        return status, json.loads(text)

    def shell(self, script: str) -> str:
        """Run lines of the README here; what they print."""
        script = script.replace("http://127.0.0.1:7070", self.url)
        script = script.replace(".venv/bin/refold", str(BIN / "refold"))
        script = script.replace("deploy/secrets/", f"{self.secrets}/")
        done = subprocess.run(
            ["sh", "-euc", script], cwd=ROOT, capture_output=True, timeout=120, check=False,
            env={**self._whole({}), "REFOLD_URL": self.url},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def log(self, name: str) -> str:
        return (self.home / f"{name}.log").read_text()

    def _run(
        self, name: str, command: list[str], environment: dict[str, str]
    ) -> "subprocess.Popen[bytes]":
        with (self.home / f"{name}.log").open("ab") as log:
            program = subprocess.Popen(
                command, env=self._whole(environment), cwd=self.home, stdout=log, stderr=log
            )
        self.programs.setdefault(name, []).append(program)
        return program

    def _whole(self, environment: dict[str, str]) -> dict[str, str]:
        path = os.pathsep.join([os.environ.get("PATH", os.defpath), str(self.bin)])
        return {"PATH": path, "HOME": str(self.home), "PYTHONPATH": str(ROOT), **environment}

    def _here(self, text: str) -> str:
        for there, here in self._places.items():
            text = text.replace(there, here)
        return text

    def _until(self, name: str, question: Any) -> None:
        ends_at = time.monotonic() + HEALTHY_S
        while not question():
            assert self.programs[name][-1].poll() is None, self.log(name)[-3000:]
            assert time.monotonic() < ends_at, f"{name} is not healthy: {self.log(name)[-3000:]}"
            time.sleep(0.2)

    def _stand_ins(self) -> None:
        """`psql` always, so that the test is the same everywhere; `curl` where there is none."""
        self.bin.mkdir(parents=True)
        for name in ("psql", "curl"):
            if name == "curl" and shutil.which("curl"):
                continue
            place = self.bin / name
            place.write_text(f'#!/bin/sh\nexec {sys.executable} {HERE / name}_stand_in.py "$@"\n')
            place.chmod(0o755)


def _mounted(service: dict[str, Any], target: str) -> str:
    """Where a file that is mounted at `target` lies here."""
    [source] = [one.split(":")[0] for one in service["volumes"] if one.split(":")[1] == target]
    return str(ROOT / source)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return reply.status == 200
    except OSError:
        return False


def _end(program: "subprocess.Popen[bytes]") -> None:
    if program.poll() is None:
        program.send_signal(signal.SIGTERM)
        try:
            program.wait(60)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait(10)
            raise


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
