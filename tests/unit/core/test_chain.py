"""Digests and hashes: any changed byte shows, members can be proven one by one."""

from uuid import UUID

import pytest

from engine.core.chain import (
    SALT_BYTES,
    commit_hash,
    event_hash,
    genesis,
    member_leaf,
    member_salts,
    merkle_root,
    part_digest,
    root_of_leaves,
)

ID = UUID(int=1)
DATA = b'{"a":1,"b":{"c":[1.10,"x"]},"d":null}'
SALT = bytes(range(32))


def test_any_changed_byte_of_data_changes_the_digest_or_is_no_json():
    digest = merkle_root(DATA, SALT)
    for place in range(len(DATA)):
        for flip in (1, 2, 32):
            changed = bytearray(DATA)
            changed[place] ^= flip
            try:
                assert merkle_root(bytes(changed), SALT) != digest
            except ValueError:
                continue


def test_any_changed_byte_of_the_salt_changes_the_digest():
    digest = merkle_root(DATA, SALT)
    for place in range(len(SALT)):
        changed = bytearray(SALT)
        changed[place] ^= 1
        assert merkle_root(DATA, bytes(changed)) != digest


def test_order_number_and_names_of_members_count():
    digests = {
        merkle_root(data, SALT)
        for data in (b'{"a":1,"b":2}', b'{"b":2,"a":1}', b'{"a":1}', b'{"a":2,"b":1}', b"{}")
    }
    assert len(digests) == 5


def test_a_member_is_proven_by_its_own_salt_and_the_leaves_of_the_others():
    salts = member_salts(SALT, 3)
    assert len(set(salts)) == 3
    assert {len(one) for one in salts} == {SALT_BYTES}
    leaves = [
        member_leaf(salts[0], "a", b"1"), member_leaf(salts[1], "b", b'{"c":[1.10,"x"]}'),
        member_leaf(salts[2], "d", b"null"),
    ]  # fmt: skip
    assert root_of_leaves(leaves) == merkle_root(DATA, SALT)
    assert member_salts(SALT, 2) == salts[:2]


@pytest.mark.parametrize("place", range(5))
def test_an_events_hash_covers_what_came_before_every_column_and_the_digest(place):
    columns = [ID, 1, None, "node", 7]
    before = event_hash(b"p", columns, b"d" * 32)
    other = "other" if place else UUID(int=2)
    changed = [*columns[:place], other, *columns[place + 1 :]]
    assert event_hash(b"p", changed, b"d" * 32) != before
    assert event_hash(b"q", columns, b"d" * 32) != before
    assert event_hash(b"p", columns, b"e" * 32) != before


def test_columns_cannot_be_shifted_into_each_other():
    assert event_hash(b"", [ID, "ab", "c"], b"") != event_hash(b"", [ID, "a", "bc"], b"")
    assert event_hash(b"", [ID, None, "1"], b"") != event_hash(b"", [ID, "null", 1], b"")


def test_a_commits_hash_covers_each_of_its_parts():
    columns = (3, 7, 70, 5, 2, 1_000, "w", ID, ID)
    parts = b'[["2026-01",5,"ab"]]'
    before = commit_hash(b"p", columns, parts)
    assert commit_hash(b"q", columns, parts) != before
    assert commit_hash(b"p", columns, b'[["2026-01",5,"ac"]]') != before
    other_id = UUID(int=2)
    others = (4, 8, 71, 6, 3, 1_001, "v", other_id, other_id)
    for place, other in enumerate(others):
        changed = (*columns[:place], other, *columns[place + 1 :])
        assert commit_hash(b"p", changed, parts) != before


def test_a_shards_chain_begins_with_its_installation_and_number():
    assert len({genesis("a", 1), genesis("a", 2), genesis("b", 1)}) == 3


def test_a_part_covers_positions_and_order():
    events = [(1, b"a" * 32), (2, b"b" * 32)]
    others = ([(1, b"a" * 32), (3, b"b" * 32)], events[::-1], events[:1], [])
    assert part_digest(events) not in {part_digest(one) for one in others}
