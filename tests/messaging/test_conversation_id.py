"""Tests that a conversation id has one form, and names the members."""

import pytest

from messaging.conversation_id import participants, shard_of, single


def test_two_users_have_one_conversation_whoever_begins() -> None:
    assert single(2, 1) == single(1, 2) == "1_2"


def test_ids_are_ordered_as_numbers() -> None:
    assert single(10, 9) == "9_10"


def test_the_largest_ids_are_understood() -> None:
    assert participants(single(2**53 - 1, 2**53 - 2)) == (2**53 - 2, 2**53 - 1)


@pytest.mark.parametrize(
    "name",
    [
        *("2_1", "1_1", "01_2", "1_02", "0_1", "+1_2", "-1_2", "1_2_3", "1__2", "_1_2", "1_", "_2", "1", "", "1.0_2"),
        *("group_1", "1-2", " 1_2", "1_2 ", "1_2\n", "\n1_2", "1_2\x00", "1٢_13", "１_２", f"1_{10**16}"),
    ],
    ids=ascii,
)
def test_only_the_canonical_form_names_a_conversation(name: str) -> None:
    assert participants(name) is None


def test_shards_are_numbers_below_their_count_and_never_change() -> None:
    found = [shard_of(single(user, user + 1), 16) for user in range(1, 1000)]
    assert set(found) == set(range(16))
    assert shard_of("1_2", 16) == 14
