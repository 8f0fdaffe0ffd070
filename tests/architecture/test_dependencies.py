"""Each dependency has a reason, a pin with hashes, and a door in the code that uses it."""

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENT = re.compile(r'^    "([A-Za-z0-9][A-Za-z0-9._-]*)[^"]*",$')
PIN = re.compile(r"^([A-Za-z0-9._-]+)==[^ ]+")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(group: str) -> list[str]:
    """Names of the direct dependencies: `runtime` or `dev`."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lines = (
        settings["project"]["dependencies"]
        if group == "runtime"
        else settings["dependency-groups"]["dev"]
    )
    return [canonical(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]) for line in lines]


def pinned(group: str) -> dict[str, str]:
    """Name -> its whole entry in requirements/GROUP.txt."""
    text = (ROOT / "requirements" / f"{group}.txt").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[A-Za-z0-9])", text.strip())
    found = [(PIN.match(entry), entry) for entry in entries]
    return {canonical(match[1]): entry for match, entry in found if match}


def test_each_dependency_has_a_comment_that_says_why() -> None:
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    start = lines.index("dependencies = [")
    end = next(n for n, line in enumerate(lines) if line.startswith("[tool."))
    bare, seen = [], 0
    for before, line in zip(lines[start:end], lines[start + 1 : end], strict=False):
        match = REQUIREMENT.match(line)
        seen += match is not None
        if match and not before.startswith("    # "):
            bare.append(match[1])
    assert not bare, f"say in a comment above why each is here: {bare}"
    assert seen == len(declared("runtime")) + len(declared("dev"))


@pytest.mark.parametrize("group", ["runtime", "dev"])
def test_each_dependency_is_pinned_with_hashes(group: str) -> None:
    pins = pinned(group)
    assert not set(declared(group)) - set(pins), "run `make lock`"
    unhashed = [name for name, entry in pins.items() if "--hash=sha256:" not in entry]
    assert not unhashed


def test_the_image_is_built_with_the_pinned_backend_alone() -> None:
    build, dev = pinned("build"), pinned("dev")
    needed = [Requirement(line) for line in requires("hatchling") or ()]
    here = {canonical(one.name) for one in needed if not one.marker or one.marker.evaluate()}
    assert build.keys() == {"hatchling"} | here
    assert build.items() <= dev.items()


@pytest.mark.parametrize("group", ["runtime", "build"])
def test_what_two_sets_pin_they_pin_alike(group: str) -> None:
    some, dev = pinned(group), pinned("dev")
    versions = {name: (some[name].split()[0], dev[name].split()[0]) for name in some.keys() & dev}
    assert versions
    assert not {name: pair for name, pair in versions.items() if pair[0] != pair[1]}


@pytest.mark.parametrize("group", ["runtime", "dev", "build"])
def test_pins_name_no_place_to_fetch_from(group: str) -> None:
    text = (ROOT / "requirements" / f"{group}.txt").read_text(encoding="utf-8")
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host", text)
