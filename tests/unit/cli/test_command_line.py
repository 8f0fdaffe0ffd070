"""The command line before any server is asked: fast to start, strict about its arguments."""

import subprocess
import sys

import pytest

from server.cli.client import Client, place_line
from server.cli.faults import CommandFault, exit_code_of
from server.cli.output import text_of
from server.cli.session import pairs_of, read_json
from server.cli.sources import uri_and_file

HEAVY = ("aiohttp", "nats", "asyncpg", "rich.table", "asyncio", "jq", "engine")


@pytest.mark.parametrize("arguments", [["--help"], ["exec", "--help"], ["exec", "run", "--help"]])
def test_help_loads_nothing_heavy(arguments):
    program = (
        f"import sys\nsys.argv = ['refold', *{arguments!r}]\n"
        "from server.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        f"print([one for one in {HEAVY!r} if one in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [(404, "not_found", 3), (409, "conflict", 4), (422, "idempotency.mismatch", 4),
     (422, "definition.invalid", 1), (401, "auth.required", 5), (403, "auth.host_refused", 5),
     (400, "body.invalid", 1), (503, "unavailable", 1), (500, "internal", 1)],
)  # fmt: skip
def test_problems_have_exit_codes(status, code, exit_code):
    assert exit_code_of(status, code) == exit_code


@pytest.mark.parametrize("url", ["", "localhost:7070", "ftp://x", "http://"])
def test_a_server_is_a_url(url):
    with pytest.raises(CommandFault):
        Client(url, "default", None)


def test_json_arguments_are_text_or_files(tmp_path):
    path = tmp_path / "data.json"
    path.write_text('{"a": 1.10}')
    assert read_json(None, "--input") is None
    assert read_json("[1]", "--input") == [1]
    assert read_json(f"@{path}", "--input") == {"a": 1.10}
    for bad in ("{", "@/no/such/file", ""):
        with pytest.raises(CommandFault):
            read_json(bad, "--input")


def test_pairs_are_parted_once_and_named_once():
    assert pairs_of(["a=1", "b=2=3", "c="], "--ext") == {"a": "1", "b": "2=3", "c": ""}
    for bad in (["a"], ["=1"], ["a=1", "a=2"]):
        with pytest.raises(CommandFault):
            pairs_of(bad, "--ext")


def test_a_resource_may_hold_equals_signs_on_both_sides(tmp_path):
    path = tmp_path / "a=b.json"
    path.write_text("{}")
    assert uri_and_file(f"http://x/?q=1={path}") == ("http://x/?q=1", str(path))
    assert uri_and_file("http://x=/none") == ("http://x", "/none")
    with pytest.raises(CommandFault):
        uri_and_file("http://x")


def test_what_a_terminal_would_obey_is_shown_instead():
    assert text_of("a\x1b[31mb\n") == "a\\x1b[31mb\\n"
    assert text_of({"a": "\x07"}) == '{"a":"\\u0007"}'
    assert text_of(None) == ""


def test_a_fault_is_one_line_with_its_place():
    place = {"line": 3, "column": 7, "pointer": "/start", "code": "c", "detail": "wrong"}
    assert place_line(place) == "  3:7  /start  c  wrong"
    assert place_line({"detail": "wrong"}) == "  wrong"
