"""The directions between rooms hold, and the pure rooms are pure when really imported."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("engine", "projections", "schemas", "server")
PURE_ROOMS = ("engine.model", "engine.expr", "engine.core", "engine.dialects", "projections.views")
WORLD = ("asyncio", "asyncpg", "aiohttp", "nats", "uvloop")

IMPORT_ALL = """
import importlib, pkgutil, sys
room = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(room.__path__, room.__name__ + "."):
    importlib.import_module(module.name)
print(*sys.modules)
"""


def modules_after_importing(room: str) -> set[str]:
    """Names of all modules that a fresh interpreter holds after importing all of the room."""
    result = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, room],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, f"{room} cannot be imported alone:\n{result.stderr}"
    return set(result.stdout.split())


def test_import_contracts_hold() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run(
        [program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("room", PURE_ROOMS)
def test_a_pure_room_loads_nothing_of_the_world(room: str) -> None:
    loaded = modules_after_importing(room)
    assert room in loaded
    assert not loaded & set(WORLD)


@pytest.mark.parametrize("package", ["engine", "projections", "schemas"])
def test_no_package_loads_the_server(package: str) -> None:
    assert "server" not in modules_after_importing(package)


def test_the_packages_are_those_that_are_shipped_and_checked() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    shipped = settings["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert tuple(shipped) == PACKAGES
    assert tuple(settings["mypy"]["packages"]) == PACKAGES
    assert tuple(settings["importlinter"]["root_packages"]) == PACKAGES
