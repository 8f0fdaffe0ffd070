"""Settings: flag over variable over default; what cannot be used is refused by name."""

from dataclasses import fields

import pytest

from server.settings import BadSetting, Settings, parse_address, read_settings


def test_defaults_then_variables_then_flags():
    assert read_settings({}).shards == 64
    assert read_settings({"REFOLD_SHARDS": "8"}).shards == 8
    assert read_settings({"REFOLD_HTTP": "127.0.0.1:1"}, http="127.0.0.1:2").http == "127.0.0.1:2"
    assert read_settings({"REFOLD_HTTP": "127.0.0.1:1"}, http=None).http == "127.0.0.1:1"
    assert read_settings({"REFOLD_SHARDS": ""}).shards == 64


def test_every_setting_has_a_variable_of_its_own_and_says_what_it_means():
    variables = [one.metadata["variable"] for one in fields(Settings)]
    assert len(set(variables)) == len(variables)
    assert all(one.startswith("REFOLD_") for one in variables)
    assert all(one.metadata["doc"].endswith((".", "?")) for one in fields(Settings))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("REFOLD_SHARDS", "0"),
        ("REFOLD_SHARDS", "many"),
        ("REFOLD_SHARDS", "5000"),
        ("REFOLD_HTTP", "localhost"),
        ("REFOLD_HTTP", ":80"),
        ("REFOLD_HTTP", "localhost:99999"),
        ("REFOLD_HTTP", "localhost:-1"),
        ("REFOLD_LOG_LEVEL", "loud"),
        ("REFOLD_EVENTS_IN", "a b"),
        ("REFOLD_EVENTS_OUT", "a..b"),
        ("REFOLD_EVENTS_OUT", "a.>"),
        ("REFOLD_MAX_BODY_BYTES", "-5"),
    ],
)
def test_a_bad_value_is_refused(variable, value):
    with pytest.raises(BadSetting) as refused:
        read_settings({variable: value})
    assert refused.value.message


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:0", ("127.0.0.1", 0)), ("[::1]:70", ("::1", 70)), ("host:65535", ("host", 65535))],
)
def test_addresses(text, address):
    assert parse_address("--http", text) == address


def test_a_folder_of_functions_must_be_there(tmp_path):
    assert read_settings({"REFOLD_FUNCTIONS_DIR": str(tmp_path)}).functions_path == tmp_path
    with pytest.raises(BadSetting):
        _ = read_settings({"REFOLD_FUNCTIONS_DIR": str(tmp_path / "none")}).functions_path
