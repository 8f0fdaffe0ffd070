"""What is sealed opens with its key in its place, and with nothing else."""

import base64
import random

import pytest

from engine.adapters.crypto.at_rest import key_of_text, open_text, seal_text
from engine.adapters.crypto.cipher import AeadCipher
from engine.adapters.crypto.masters import BadMasterKeys, MasterKeys, read_master_keys
from engine.model.errors import Erased, KeyMissing, Sealed

SEED = 20261123
CIPHER = AeadCipher("k1", b"k" * 32)
MASTERS = MasterKeys([("new", b"n" * 32), ("old", b"o" * 32)])


def test_every_changed_byte_is_found():
    sealed = CIPHER.seal(b'{"a":1}', b"place")
    assert CIPHER.open(sealed, b"place") == b'{"a":1}'
    for at in range(len(sealed)):
        changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises(Sealed):
            CIPHER.open(changed, b"place")
    for cut in range(len(sealed)):
        with pytest.raises(Sealed):
            CIPHER.open(sealed[:cut], b"place")


def test_another_place_or_key_opens_nothing():
    sealed = CIPHER.seal(b"{}", b"place")
    with pytest.raises(Sealed):
        CIPHER.open(sealed, b"elsewhere")
    with pytest.raises(Sealed):
        AeadCipher("k1", b"x" * 32).open(sealed, b"place")


def test_the_same_text_is_never_sealed_the_same_way_twice():
    assert len({CIPHER.seal(b"{}", b"") for _ in range(100)}) == 100


def test_salts_and_names_need_the_key():
    other = AeadCipher("k1", b"x" * 32)
    assert CIPHER.salt(b"s") == CIPHER.salt(b"s") != other.salt(b"s")
    assert CIPHER.name_of("ann") == CIPHER.name_of("ann") != other.name_of("ann")
    assert CIPHER.name_of("ann") != CIPHER.name_of("ben")


def test_a_text_at_rest_names_its_key_and_one_in_the_clear_names_none():
    sealed = seal_text(CIPHER, b"{}", "inbox")
    assert key_of_text(sealed) == "k1"
    assert open_text({"k1": CIPHER}, sealed, "inbox") == b"{}"
    assert seal_text(None, b"{}", "inbox") == open_text({}, b"{}", "inbox") == b"{}"
    with pytest.raises(Erased):
        open_text({"k1": None}, sealed, "inbox")
    with pytest.raises(Sealed):
        open_text({"k1": CIPHER}, sealed, "body")
    rng = random.Random(SEED)
    for text in (b"", b"{", b"\x00", rng.randbytes(99)):
        assert key_of_text(text) is None


def test_the_first_master_key_wraps_and_all_of_them_unwrap():
    wrapped = MASTERS.wrap("k1", b"secret" * 5)
    assert MASTERS.is_wrapped_by_first("k1", wrapped)
    assert MASTERS.unwrap("k1", wrapped) == b"secret" * 5
    old = MasterKeys([("old", b"o" * 32)])
    before = old.wrap("k1", b"secret" * 5)
    assert not MASTERS.is_wrapped_by_first("k1", before)
    assert MASTERS.unwrap("k1", before) == b"secret" * 5
    with pytest.raises(KeyMissing, match="'new'"):
        old.unwrap("k1", wrapped)


def test_a_wrapped_key_does_not_open_under_another_name_or_changed():
    wrapped = MASTERS.wrap("k1", b"secret" * 5)
    with pytest.raises(KeyMissing):
        MASTERS.unwrap("k2", wrapped)
    with pytest.raises(KeyMissing):
        MasterKeys([("new", b"x" * 32)]).unwrap("k1", wrapped)
    for at in range(len(wrapped)):
        with pytest.raises(KeyMissing):
            MASTERS.unwrap("k1", wrapped[:at])
        with pytest.raises(KeyMissing):
            MASTERS.unwrap("k1", wrapped[:at] + bytes([wrapped[at] ^ 1]) + wrapped[at + 1 :])


KEY = base64.b64encode(b"k" * 32).decode()
BAD_FILES = [
    "",
    "# nothing\n",
    f"One:{KEY}\n",
    f"{KEY}\n",
    "one:short\n",
    f"one:{KEY[:-2]}==\n",
    f"one:{KEY}\none:{KEY}\n",
    f"one:{KEY} two\n",
    "one:é\n",
]


@pytest.mark.parametrize("text", BAD_FILES)
def test_a_bad_file_is_refused_without_showing_a_key(tmp_path, text):
    path = tmp_path / "keys"
    path.write_text(text)
    with pytest.raises(BadMasterKeys) as refused:
        read_master_keys(path)
    assert KEY not in refused.value.message


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadMasterKeys, match="cannot be read"):
        read_master_keys(tmp_path / "nothing")


def test_names_and_order_of_a_file_are_kept(tmp_path):
    path = tmp_path / "keys"
    path.write_text(f"# rotated in May\n\n two-2 : {KEY}\none:{KEY}\n")
    assert read_master_keys(path).names == ["two-2", "one"]
