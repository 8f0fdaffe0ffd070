"""API keys: read from a file, told apart, and no open door without them."""

import hashlib
import json

import pytest

from server.auth import KeyFileFault, Keyring, UnsafeBinding, check_binding, read_key_file
from server.auth.binding import host_of, is_loopback_host
from server.auth.keys import bearer_key


def _digest(key):
    return hashlib.sha256(key.encode()).hexdigest()


@pytest.mark.parametrize("form", ["lines", "json"])
def test_both_forms_give_the_same_keys(tmp_path, form):
    path = tmp_path / "keys"
    if form == "json":
        path.write_text(json.dumps({"alice": _digest("a"), "bob": _digest("b")}))
    else:
        path.write_text(f"# keys\n\nalice:{_digest('a')}  # hers\n bob : {_digest('b')}\n")
    keyring = read_key_file(path)
    assert [keyring.name_of(key) for key in ("a", "b", "c", "", "\udcff")] == [
        "alice", "bob", None, None, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["", "# nothing\n", "alice", "alice:abc", f"al ice:{'0' * 64}", f":{'0' * 64}", "{", "{}",
     '{"a": 1}', f"a:{'0' * 64}\na:{'1' * 64}", f"a:{'A' * 64}", "[]"],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_refused(tmp_path, text):
    path = tmp_path / "keys"
    path.write_text(text)
    with pytest.raises(KeyFileFault):
        read_key_file(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(KeyFileFault):
        read_key_file(tmp_path / "none")


def test_only_a_bearer_header_holds_a_key():
    assert bearer_key("Bearer abc") == "abc"
    assert bearer_key("bearer  abc ") == "abc"
    for header in (None, "", "Bearer", "Bearer ", "Basic abc", "abc", "Bearer " + "x" * 513):
        assert bearer_key(header) is None


def test_without_keys_only_loopback():
    keyed = Keyring((("a", bytes(32)),))
    for host in ("127.0.0.1", "localhost", "::1", "127.9.9.9"):
        check_binding(host, Keyring())
    for host in ("0.0.0.0", "::", "10.0.0.1", "example.com", "localhost.example.com"):
        check_binding(host, keyed)
        with pytest.raises(UnsafeBinding):
            check_binding(host, Keyring())


@pytest.mark.parametrize(
    ("header", "loopback"),
    [("localhost:80", True), ("[::1]:80", True), ("127.0.0.1", True), ("evil.example", False),
     ("127.0.0.1.evil.example", False), ("", False), ("0.0.0.0", False), ("localhost.", False)],
)  # fmt: skip
def test_names_under_which_an_open_server_answers(header, loopback):
    assert is_loopback_host(host_of(header)) is loopback
