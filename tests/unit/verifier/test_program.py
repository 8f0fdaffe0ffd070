"""The standalone verifier is read and run alone: a folder, or one file that anybody can remake."""

import ast
import io
import subprocess
import sys
import zipfile

import pytest

from server.bundles.verifier import verifier_program
from tests.unit.bundles.sample import sample as bundle_sample
from tests.unit.verifier.sample import PROGRAM, make_sample

OLDEST = (3, 9)


def modules():
    return sorted(PROGRAM.glob("*.py"))


def imported(path):
    """Names of the modules that a file imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=OLDEST)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports by a dot: it runs from no package"
            yield node.module


def test_it_imports_the_standard_library_and_itself_alone():
    own = {path.stem for path in modules()} - {"__main__"}
    assert "chain" in own
    assert not own & sys.stdlib_module_names
    known = own | sys.stdlib_module_names
    foreign = {
        f"{path.name}: {name}"
        for path in modules()
        for name in imported(path)
        if name.split(".")[0] not in known
    }
    assert not foreign


def test_its_one_file_has_each_module_as_it_is_and_nothing_of_here_and_now(monkeypatch):
    made = verifier_program()
    with zipfile.ZipFile(io.BytesIO(made)) as file:
        told = {one.filename: file.read(one) for one in file.infolist()}
        assert {one.date_time for one in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert told == {path.name: path.read_bytes() for path in modules()}
    monkeypatch.setattr(sys, "platform", "win32")
    verifier_program.cache_clear()
    assert verifier_program() == made


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """An export, one that was changed, a bundle, and what is neither."""
    folder = tmp_path_factory.mktemp("verifier")
    lines = make_sample().lines
    made = {
        "export": b"".join(line + b"\n" for line in lines),
        "changed": b"".join(
            line.replace(b"Gr\xc3\xb6\xc3\x9fe", b"other") + b"\n" for line in lines
        ),
        "bundle": bundle_sample(),
        "neither": b"PK\x05\x06" + bytes(18),
    }
    for name, content in made.items():
        (folder / name).write_bytes(content)
    (folder / "verify.pyz").write_bytes(verifier_program())
    return folder


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("export", 0, "intact"),
        ("changed", 7, "its data was changed"),
        ("bundle", 0, "intact"),
        ("neither", 2, "this cannot be read"),
    ],
)
def test_the_folder_and_the_one_file_say_the_same(files, name, code, said):
    told = [
        subprocess.run(
            [sys.executable, "-I", "-B", str(program), name],
            cwd=files, capture_output=True, text=True, check=False,
        )
        for program in (PROGRAM, files / "verify.pyz")
    ]  # fmt: skip
    first, second = [(one.returncode, one.stdout, one.stderr) for one in told]
    assert first == second
    assert first[0] == code
    assert said in first[1] + first[2]
