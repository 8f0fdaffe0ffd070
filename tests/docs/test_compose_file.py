"""docker-compose.yml and the Dockerfile fit the program, each other and the repository."""

import json
import re
import subprocess
from dataclasses import fields

import pytest

from server.settings import Settings, read_settings
from tests.integration.compose.description import (
    FILE,
    ROOT,
    VariableMissing,
    read_compose,
    read_env_file,
    variable_names,
)

REFOLD = {"api", "engine", "projector", "worker"}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
VARIABLES = dict.fromkeys(variable_names(), "p0")
COMPOSE = read_compose(VARIABLES)
SERVICES = COMPOSE["services"]


def test_there_is_a_service_for_each_role_and_each_service() -> None:
    assert set(SERVICES) == REFOLD | {"postgres", "nats"}
    roles = {name: SERVICES[name]["command"] for name in REFOLD}
    assert roles == {name: ["serve", "--role", name] for name in REFOLD}


@pytest.mark.parametrize("missing", sorted(VARIABLES))
def test_without_its_secrets_compose_says_what_to_run(missing: str) -> None:
    with pytest.raises(VariableMissing, match="run deploy/make-secrets first"):
        read_compose({**VARIABLES, missing: ""})


def test_every_setting_of_every_service_is_one_that_the_program_reads() -> None:
    known = {one.metadata["variable"] for one in fields(Settings)}
    for name in REFOLD:
        environment = SERVICES[name]["environment"]
        assert set(environment) <= known, name
        assert all(isinstance(value, str) for value in environment.values()), name
        read_settings(environment)


def test_only_the_projector_is_the_owner_and_a_worker_has_no_database() -> None:
    def holders(variable: str) -> set[str]:
        return {name for name in REFOLD if variable in SERVICES[name]["environment"]}

    assert holders("REFOLD_DATABASE_OWNER_URL") == {"projector"}
    assert holders("REFOLD_DATABASE_URL") == REFOLD - {"worker"}
    for name in REFOLD - {"worker"}:
        assert "//refold_engine:" in SERVICES[name]["environment"]["REFOLD_DATABASE_URL"]
    whole = {name: json.dumps(SERVICES[name]) for name in REFOLD}
    assert "@postgres" not in whole["worker"]


def test_images_are_pinned_and_ours_is_of_this_version() -> None:
    for name, service in SERVICES.items():
        image, _, tag = service["image"].partition(":")
        assert re.match(r"\d+\.\d+", tag), f"{name}: {image} has no version"
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    for text in (*(SERVICES[name]["image"] for name in REFOLD), DOCKERFILE):
        assert f"refold:{version[1]}" in text
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(set(bases)) == 1, "the virtual environment is copied: both stages need one Python"
    assert re.fullmatch(r"python:3\.1[1-3]-slim-\w+", bases[0])


def test_no_service_has_more_rights_than_it_needs() -> None:
    for name, service in SERVICES.items():
        assert not {"privileged", "network_mode", "cap_add", "pid", "user"} & set(service), name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service["restart"] == "unless-stopped", name
        assert {"cpus", "memory"} <= set(service["deploy"]["resources"]["limits"]), name
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), f"{name} would be open to the world"
    for name in REFOLD:
        assert SERVICES[name]["read_only"] is True
        assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert re.search(r"^USER (?!0|root)", DOCKERFILE, re.MULTILINE)


def test_ports_agree_from_the_program_to_this_machine() -> None:
    [published] = SERVICES["api"]["ports"]
    inside = published.rpartition(":")[2]
    assert SERVICES["api"]["environment"]["REFOLD_HTTP"] == f"0.0.0.0:{inside}"
    assert f"127.0.0.1:{inside}/readyz" in " ".join(SERVICES["api"]["healthcheck"]["test"])
    assert f"EXPOSE {inside}\n" in DOCKERFILE
    assert SERVICES["engine"]["environment"]["REFOLD_PUBLIC_URL"] == f"http://api:{inside}"
    assert [name for name in SERVICES if "ports" in SERVICES[name]] == ["api"]


def test_who_waits_for_whom_waits_for_its_health() -> None:
    for name, service in SERVICES.items():
        assert service["healthcheck"]["test"][0] == "CMD", name
        for other, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}
            assert "healthcheck" in SERVICES[other]


def test_every_volume_network_and_secret_is_there() -> None:
    used_volumes, used_networks = set(), set()
    for service in SERVICES.values():
        used_networks |= set(service["networks"])
        for mount in service.get("volumes", ()):
            source, target, *mode = mount.split(":")
            assert target.startswith("/")
            if source.startswith("."):
                assert (ROOT / source).exists(), source
                assert mode == ["ro"], f"{source} could be changed from inside"
            else:
                used_volumes.add(source)
    assert used_volumes == set(COMPOSE["volumes"])
    assert used_networks == set(COMPOSE["networks"])
    assert SERVICES["api"]["secrets"] == list(COMPOSE["secrets"])
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    keys = SERVICES["api"]["environment"]["REFOLD_API_KEYS_FILE"]
    assert keys == "/run/secrets/api-keys"


def test_the_secrets_are_made_once_random_and_never_committed(tmp_path) -> None:
    def make(place):
        place.mkdir(exist_ok=True)
        command = [ROOT / "deploy" / "make-secrets", place]
        return subprocess.run(command, capture_output=True, timeout=30, check=False)

    one, other = tmp_path / "one", tmp_path / "other"
    assert make(one).returncode == make(other).returncode == 0
    made, also = read_env_file(one / ".env"), read_env_file(other / ".env")
    assert set(made) == variable_names()
    assert len({*made.values(), *also.values()}) == 2 * len(made)
    keys = COMPOSE["secrets"]["api-keys"]["file"]
    assert (one / keys).read_text() != (other / keys).read_text()
    assert (one / ".env").stat().st_mode & 0o077 == 0
    assert (one / "deploy" / "secrets" / "api-key").stat().st_mode & 0o077 == 0
    before = (one / ".env").read_bytes()
    again = make(one)
    assert (again.returncode, (one / ".env").read_bytes()) == (1, before)
    assert b"is there already" in again.stderr
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {".env", "deploy/secrets/"} <= set(ignored)
    sent_to_builder = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in sent_to_builder
    assert not [line for line in sent_to_builder if line.startswith(("!.env", "!deploy"))]


def test_the_image_is_made_of_what_the_builder_is_sent() -> None:
    sent = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    for line in re.findall(r"^COPY (?!--from)(.+)", DOCKERFILE, re.MULTILINE):
        *sources, _ = line.split()
        for source in sources:
            assert source.split("/")[0] in sent, source
            assert (ROOT / source).exists(), source
    assert DOCKERFILE.count("--require-hashes") == DOCKERFILE.count("-r requirements/")
    assert "HEALTHCHECK" in DOCKERFILE
    assert 'ENTRYPOINT ["refold"]' in DOCKERFILE


@pytest.mark.parametrize("text", [DOCKERFILE, FILE.read_text()], ids=["Dockerfile", "compose"])
def test_no_place_to_fetch_packages_from_is_named(text: str) -> None:
    assert not re.search(r"https://|--(extra-)?index-url|--find-links|--trusted-host", text)
