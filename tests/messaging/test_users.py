"""Tests of users' names, and of the search for users."""

from typing import Any

import pytest

from db.session import write
from messaging import users
from messaging.errors import Code, Refused
from messaging.login import add

pytestmark = pytest.mark.usefixtures("any_database")


def made(username: str, nickname: str = "") -> int:
    fields = {"username": username, "password_hash": "x", "nickname": nickname or username}
    return int(write(add, **fields)["id"])


def change(user_id: int, **fields: Any) -> dict[str, Any]:
    return write(users.change, user_id=user_id, **fields)


def search(keyword: str, user_id: int = 0, *, page: int = 1, limit: int = 20) -> tuple[list[str], int]:
    """Returns the usernames that a search finds, and its total."""
    found, total = write(users.search, user_id=user_id, keyword=keyword, page=page, limit=limit)
    return [user["username"] for user in found], total


def test_a_profile_is_the_user_of_the_contract() -> None:
    alice = made("alice", "Alice")
    found = write(users.profile, user_id=alice)
    assert found == {"id": alice, "username": "alice", "nickname": "Alice", "avatar": ""}


@pytest.mark.parametrize("fields", [{}, {"nickname": "x"}], ids=str)
def test_nobody_has_no_profile(fields: dict[str, str]) -> None:
    with pytest.raises(Refused) as error:
        change(404, **fields)
    assert error.value.code is Code.NOT_FOUND


def test_profiles_of_many_leave_out_nobody_else() -> None:
    alice, bob, _ = made("alice"), made("bob"), made("carol")
    found = write(lambda session, _: users.profiles(session, [bob, alice, 404]))
    assert {user_id: user["username"] for user_id, user in found.items()} == {alice: "alice", bob: "bob"}


def test_only_what_is_given_changes() -> None:
    alice, bob = made("alice", "Alice"), made("bob")
    assert change(alice, avatar="https://a/1.png")["nickname"] == "Alice"
    assert change(alice, nickname="爱丽丝")["avatar"] == "https://a/1.png"
    assert change(alice, avatar="")["avatar"] == ""
    assert change(alice)["nickname"] == "爱丽丝"
    assert change(bob)["nickname"] == "bob"


def test_others_are_found_by_how_their_name_begins() -> None:
    alice = made("alice")
    for name in ("alan", "bob", "malcolm"):
        made(name)
    assert search("al") == (["alan", "alice"], 2)
    assert search("al", alice) == (["alan"], 1), "not oneself"
    assert search("AL") == (["alan", "alice"], 2)
    assert search("alan") == (["alan"], 1)
    assert search("xyz") == ([], 0)


def test_others_are_found_by_how_their_nickname_begins() -> None:
    made("u1", "小明")
    made("u2", "大明")
    made("u3", "Bob")
    assert search("小") == (["u1"], 1)
    assert search("bo") == (["u3"], 1)


@pytest.mark.parametrize("keyword", ["%", "_", "a%", "a_", "%ice", "/", "\\", "a\\", "'", "a/_"])
def test_wildcards_mean_themselves(keyword: str) -> None:
    made("alice")
    assert search(keyword) == ([], 0)
    made("named", f"{keyword}x")
    assert search(keyword) == (["named"], 1)


def test_pages_do_not_overlap() -> None:
    for number in range(7):
        made(f"user{number}")
    assert search("user", limit=3) == (["user0", "user1", "user2"], 7)
    assert search("user", page=2, limit=3) == (["user3", "user4", "user5"], 7)
    assert search("user", page=3, limit=3) == (["user6"], 7)
    assert search("user", page=4, limit=3) == ([], 7)
