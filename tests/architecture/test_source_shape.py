"""The shape of the sources: small files, short functions, one idea each, nothing left undone."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("engine", "projections", "schemas", "server")
HOUSE = (*PACKAGES, "verifier")
FILE_LINES = 500
FUNCTION_LINES = 70
FUNCTION_LINES_P90 = 30
JUNK_ROOMS = {"utils", "util", "helpers", "helper", "common", "misc"}
# In two parts, so that this file does not find itself.
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME)\b")


def sources(*folders: str, suffixes: tuple[str, ...] = (".py",)) -> list[Path]:
    return sorted(
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.suffix in suffixes and path.is_file() and "__pycache__" not in path.parts
    )


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def line_count(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Place and length in lines of each function, nested ones too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            place = f"{name_of(path)}:{node.lineno} {node.name}"
            yield place, node.end_lineno - node.lineno + 1


def test_the_packages_are_found() -> None:
    for package in HOUSE:
        assert sources(package), f"no source in {package}"


def test_files_stay_under_the_limit() -> None:
    files = sources(*HOUSE, "tests", "bench", "examples", suffixes=(".py", ".sql"))
    long = {name_of(path): line_count(path) for path in files if line_count(path) >= FILE_LINES}
    assert not long, f"files of {FILE_LINES} lines or more; split them by idea: {long}"


def test_no_function_is_long() -> None:
    files = sources(*HOUSE, "tests", "bench", "examples")
    long = {place: n for path in files for place, n in functions(path) if n > FUNCTION_LINES}
    assert not long, f"functions of more than {FUNCTION_LINES} lines: {long}"


@pytest.mark.parametrize("folders", [PACKAGES, ("verifier",)], ids=["packages", "verifier"])
def test_most_functions_are_short(folders: tuple[str, ...]) -> None:
    lengths = [n for path in sources(*folders) for _, n in functions(path)]
    p90 = quantiles(lengths, n=10)[-1]
    assert p90 <= FUNCTION_LINES_P90, f"the 90th percentile of function lengths is {p90:g} lines"


def test_each_module_says_what_it_is() -> None:
    silent = [
        name_of(path)
        for path in sources(*HOUSE, "tests", "bench", "examples")
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not silent, f"modules without a docstring: {silent}"


def test_no_room_is_for_junk() -> None:
    junk = [
        name_of(path)
        for path in sources(*HOUSE, "tests", "bench", "examples")
        if JUNK_ROOMS & {part.strip("_") for part in path.relative_to(ROOT).with_suffix("").parts}
    ]
    assert not junk, f"name these after what they hold: {junk}"


def test_nothing_is_left_for_later() -> None:
    suffixes = (".py", ".sql", ".toml", ".yaml", ".yml", ".md", ".html", ".js", ".css")
    marks = [
        f"{name_of(path)}:{number} {line.strip()}"
        for path in sources(*HOUSE, "tests", "bench", "examples", "docs", suffixes=suffixes)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if UNFINISHED.search(line)
    ]
    assert not marks, f"finish these, or open an issue and take the mark out: {marks}"


@pytest.mark.parametrize("package", PACKAGES)
def test_each_folder_of_a_package_is_a_package(package: str) -> None:
    folders = {path.parent for path in sources(package)}
    missing = [name_of(folder) for folder in folders if not (folder / "__init__.py").exists()]
    assert not missing, f"add an __init__.py with a docstring: {missing}"
