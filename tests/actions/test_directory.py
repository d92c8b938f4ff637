"""Tests that the configured directory names conversations, and that an unknown name is empty."""

from collections.abc import Iterator

import pytest

from actions import directory
from db.session import read, write
from infra.settings import settings
from messaging.conversations import Conversations, conversations
from messaging.login import add
from tests.messaging.conftest import befriend, project, statements, store_many  # noqa: F401 - a fixture
from tests.rpc.outside import Outside


@pytest.fixture
def talk(database: str) -> tuple[int, int]:
    """Store Alice and Bob in the built-in tables, as friends with one message. Returns their ids."""
    fields = [{"username": name, "password_hash": "", "nickname": name.title()} for name in ("alice", "bob")]
    alice, bob = (int(write(add, **each)["id"]) for each in fields)
    befriend(alice, bob)
    store_many(bob, alice, 1)
    project()
    return alice, bob


@pytest.fixture
def outside(talk: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> Iterator[Outside]:
    """Yields another system's services, which know Bob by another name."""
    made = Outside()
    made.friends = {talk[1]: "Bob of elsewhere"}
    monkeypatch.setenv("FRIEND_RPC", made.address)
    monkeypatch.setenv("USERCENTER_RPC", made.address)
    settings.cache_clear()
    yield made
    made.stop()
    monkeypatch.undo()
    settings.cache_clear()


def listed(user_id: int) -> Conversations:
    return directory.named(read, conversations, user_id=user_id, page=1, limit=20)


def names(user_id: int) -> list[tuple[str, str]]:
    return [(view["name"], view["avatar"]) for view in listed(user_id).conversations]


def test_the_built_in_tables_are_asked_in_the_same_transaction(
    talk: tuple[int, int],
    statements: list[str],  # noqa: F811
) -> None:
    assert names(talk[0]) == [("Bob", "")]
    begun = [each for each in statements if "strftime" in each or "UTC_TIMESTAMP" in each]
    assert len(begun) == 1
    assert sum("im_user" in each and "nickname" in each for each in statements) == 1


def test_an_outside_directory_names_whom_it_knows(talk: tuple[int, int], outside: Outside) -> None:
    assert names(talk[0]) == [("Bob of elsewhere", "a.png")]


def test_whom_nobody_knows_has_no_name(talk: tuple[int, int], outside: Outside) -> None:
    outside.friends = {}
    assert names(talk[0]) == [("", "")]


def test_a_user_centre_that_is_away_fails_no_list(talk: tuple[int, int], outside: Outside) -> None:
    outside.stop()
    assert names(talk[0]) == [("", "")]
