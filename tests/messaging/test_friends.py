"""Tests of making friends, and of being blocked without learning of it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from db.friend import Friend
from db.friend_request import FriendRequest
from db.session import read, write
from messaging import directory, friends
from messaging.errors import Code, Refused
from messaging.friends import Event, News
from messaging.login import add

NOBODY = 2**53 - 1


@pytest.fixture
def people(any_database: str) -> tuple[int, int, int]:
    """Returns the ids of Alice, Bob and Carol, who are not friends."""

    def made(name: str) -> int:
        fields = {"username": name, "password_hash": "x", "nickname": name.capitalize()}
        return int(write(add, **fields)["id"])

    return made("alice"), made("bob"), made("carol")


def ask(user_id: int, to_user_id: int, message: str = "") -> int:
    return asking(user_id, to_user_id, message).request_id


def asking(user_id: int, to_user_id: int, message: str = "") -> friends.Asked:
    return write(friends.request, user_id=user_id, to_user_id=to_user_id, message=message)


def handle(user_id: int, request_id: int, action: str = "accept") -> News | None:
    return write(friends.handle, user_id=user_id, request_id=request_id, action=action)


def block(user_id: int, other_id: int) -> None:
    write(friends.block, user_id=user_id, other_id=other_id)


def unblock(user_id: int, other_id: int) -> bool:
    return write(friends.unblock, user_id=user_id, other_id=other_id)


def unfriend(user_id: int, other_id: int) -> News | None:
    return write(friends.unfriend, user_id=user_id, other_id=other_id)


def told(news: News | None) -> dict[int, Any]:
    assert news
    return read(friends.told, news=news)


def asked(user_id: int) -> list[int]:
    """Returns the ids of the requests that a user is shown."""
    return [entry["request_id"] for entry in page(friends.requests, user_id)[0]]


def page(listing: Callable[..., Any], user_id: int, *, number: int = 1, limit: int = 20) -> tuple[list[Any], int]:
    found: tuple[list[Any], int] = read(listing, user_id=user_id, page=number, limit=limit)
    return found


def friends_of(user_id: int) -> list[int]:
    return [user["id"] for user in page(friends.friends, user_id)[0]]


def may_talk(one: int, other: int) -> bool:
    found = read(directory.may_talk, {(one, other), (other, one)})
    assert len(found) in (0, 2), "never one way only"
    return bool(found)


def code(call: Callable[[], Any]) -> Code:
    with pytest.raises(Refused) as error:
        call()
    return error.value.code


def test_a_request_is_shown_to_who_is_asked(people: tuple[int, int, int]) -> None:
    alice, bob, carol = people
    number = ask(alice, bob, "hi, it's me")
    [entry], total = page(friends.requests, bob)
    assert total == 1
    assert entry.pop("create_time") > 1_700_000_000
    assert entry == {
        "request_id": number,
        "user": {"id": alice, "username": "alice", "nickname": "Alice", "avatar": ""},
        "message": "hi, it's me",
    }
    assert asked(alice) == asked(carol) == []
    assert not may_talk(alice, bob)


def test_accepting_befriends_both(people: tuple[int, int, int]) -> None:
    alice, bob, _ = people
    handle(bob, ask(alice, bob))
    assert (friends_of(alice), friends_of(bob)) == ([bob], [alice])
    assert may_talk(alice, bob)
    assert asked(bob) == []


def test_rejecting_befriends_nobody(people: tuple[int, int, int]) -> None:
    alice, bob, _ = people
    handle(bob, ask(alice, bob), "reject")
    assert friends_of(alice) == friends_of(bob) == asked(bob) == []


def test_who_was_rejected_may_ask_again(people: tuple[int, int, int]) -> None:
    alice, bob, _ = people
    first = ask(alice, bob)
    handle(bob, first, "reject")
    second = ask(alice, bob)
    assert second != first
    assert asked(bob) == [second]


def test_nobody_befriends_himself(people: tuple[int, int, int]) -> None:
    assert code(lambda: ask(people[0], people[0])) is Code.BEFRIENDING_ONESELF


def test_nobody_is_not_found(people: tuple[int, int, int]) -> None:
    assert code(lambda: ask(people[0], NOBODY)) is Code.NOT_FOUND
    assert code(lambda: block(people[0], NOBODY)) is Code.NOT_FOUND


def test_friends_need_no_request(people: tuple[int, int, int]) -> None:
    alice, bob, _ = people
    handle(bob, ask(alice, bob))
    assert code(lambda: ask(alice, bob)) is Code.ALREADY_FRIENDS
    assert code(lambda: ask(bob, alice)) is Code.ALREADY_FRIENDS


def test_asking_twice_is_asking_once(people: tuple[int, int, int]) -> None:
    alice, bob, _ = people
    number = ask(alice, bob, "one")
    assert ask(alice, bob, "two") == number
    assert asked(bob) == [number]


def test_asking_back_accepts(people: tuple[int, int, int]) -> None:
    alice, bob, _ = people
    number = ask(alice, bob)
    assert ask(bob, alice) == number
    assert friends_of(alice) == [bob]
    assert asked(alice) == asked(bob) == []
    assert code(lambda: handle(bob, number)) is Code.REQUEST_HANDLED


@pytest.mark.parametrize("action", ["accept", "reject"])
def test_only_who_is_asked_may_answer(people: tuple[int, int, int], action: str) -> None:
    alice, bob, carol = people
    number = ask(alice, bob)
    for who, which in ((alice, number), (carol, number), (bob, NOBODY)):
        assert code(lambda who=who, which=which: handle(who, which, action)) is Code.NO_SUCH_REQUEST
    assert asked(bob) == [number]


@pytest.mark.parametrize("first", ["accept", "reject"])
@pytest.mark.parametrize("second", ["accept", "reject"])
def test_a_request_is_answered_once(people: tuple[int, int, int], first: str, second: str) -> None:
    alice, bob, _ = people
    number = ask(alice, bob)
    handle(bob, number, first)
    assert code(lambda: handle(bob, number, second)) is Code.REQUEST_HANDLED
    assert friends_of(alice) == ([bob] if first == "accept" else [])


def test_ending_a_friendship_ends_it_for_both(people: tuple[int, int, int]) -> None:
    alice, bob, carol = people
    handle(bob, ask(alice, bob))
    handle(carol, ask(alice, carol))
    unfriend(bob, alice)
    assert (friends_of(alice), friends_of(bob), friends_of(carol)) == ([carol], [], [alice])
    for other in (alice, bob, carol, NOBODY):
        unfriend(bob, other)
    assert friends_of(alice) == [carol]


def test_who_is_no_friend_any_more_may_ask_anew(people: tuple[int, int, int]) -> None:
    alice, bob, _ = people
    first = ask(alice, bob)
    handle(bob, first)
    unfriend(alice, bob)
    assert ask(alice, bob) != first
    assert not may_talk(alice, bob)


def test_a_block_keeps_the_friendship_and_stops_messages(people: tuple[int, int, int]) -> None:
    alice, bob, carol = people
    handle(bob, ask(alice, bob))
    handle(carol, ask(alice, carol))
    block(alice, bob)
    block(alice, bob)
    assert friends_of(alice) == [bob, carol]
    assert friends_of(bob) == [alice]
    assert not may_talk(alice, bob)
    assert may_talk(alice, carol)
    unblock(alice, bob)
    unblock(alice, bob)
    unblock(alice, NOBODY)
    assert may_talk(alice, bob)


def test_one_sides_unblocking_does_not_lift_the_others(people: tuple[int, int, int]) -> None:
    alice, bob, _ = people
    handle(bob, ask(alice, bob))
    block(alice, bob)
    block(bob, alice)
    unblock(bob, alice)
    assert not may_talk(alice, bob)


def test_nobody_blocks_himself(people: tuple[int, int, int]) -> None:
    assert code(lambda: block(people[0], people[0])) is Code.INVALID


def test_the_blocked_are_listed_to_who_blocked_them(people: tuple[int, int, int]) -> None:
    alice, bob, carol = people
    block(alice, bob)
    block(alice, carol)
    found, total = page(friends.blocks, alice)
    assert ([user["id"] for user in found], total) == ([bob, carol], 2)
    assert found[0] == {"id": bob, "username": "bob", "nickname": "Bob", "avatar": ""}
    assert page(friends.blocks, bob) == ([], 0)


def test_a_blocked_persons_request_seems_to_go_through_and_is_never_shown(people: tuple[int, int, int]) -> None:
    alice, bob, carol = people
    block(bob, alice)
    number, strangers = ask(alice, bob), ask(carol, bob)
    assert strangers > number > 0
    assert ask(alice, bob) == number
    assert asked(bob) == [strangers]
    assert code(lambda: handle(bob, number)) is Code.NO_SUCH_REQUEST
    unblock(bob, alice)
    assert asked(bob) == [strangers], "nor later"


def test_after_the_unblocking_he_may_ask_again_and_cannot_tell(people: tuple[int, int, int]) -> None:
    alice, bob, _ = people
    block(bob, alice)
    number = ask(alice, bob, "one")
    unblock(bob, alice)
    assert ask(alice, bob, "two") == number
    [entry], _ = page(friends.requests, bob)
    assert (entry["request_id"], entry["message"]) == (number, "two")
    handle(bob, number)
    assert friends_of(alice) == [bob]


def test_a_block_dismisses_what_was_asked_before(people: tuple[int, int, int]) -> None:
    alice, bob, carol = people
    number, other = ask(alice, bob), ask(carol, bob)
    block(bob, alice)
    assert asked(bob) == [other]
    assert code(lambda: handle(bob, number)) is Code.NO_SUCH_REQUEST
    assert ask(alice, bob) == number


def test_a_block_does_not_dismiss_what_one_has_asked_oneself(people: tuple[int, int, int]) -> None:
    alice, bob, _ = people
    number = ask(alice, bob)
    block(alice, bob)
    assert asked(bob) == [number]


def test_asking_back_accepts_also_what_a_block_has_hidden(people: tuple[int, int, int]) -> None:
    """Otherwise Alice, whose own request stays open while Bob's arrives, would know that Bob had blocked her."""
    alice, bob, _ = people
    block(bob, alice)
    number = ask(alice, bob)
    assert ask(bob, alice) == number
    assert friends_of(alice) == [bob]
    assert not may_talk(alice, bob)


def test_lists_come_in_pages(people: tuple[int, int, int]) -> None:
    alice, bob, carol = people
    first, second = ask(bob, alice), ask(carol, alice)
    assert [entry["request_id"] for entry in page(friends.requests, alice, limit=1)[0]] == [second]
    [entry], total = page(friends.requests, alice, number=2, limit=1)
    assert (entry["request_id"], total) == (first, 2)
    handle(alice, first)
    handle(alice, second)
    [user], total = page(friends.friends, alice, number=2, limit=1)
    assert (user["id"], total) == (carol, 2)
    assert page(friends.friends, alice, number=3, limit=1) == ([], 2)


def test_what_there_is_to_tell(people: tuple[int, int, int]) -> None:
    alice, bob, carol = people
    first = asking(alice, bob)
    assert first.news == News(Event.REQUESTED, alice, bob)
    assert asking(alice, bob).news is None, "asking twice is asking once"
    assert handle(bob, first.request_id, "reject") is None
    number = ask(alice, bob)
    assert handle(bob, number) == News(Event.ADDED, alice, bob)
    ask(carol, bob)
    assert asking(bob, carol).news == News(Event.ADDED, carol, bob)
    assert unfriend(bob, alice) == News(Event.REMOVED, bob, alice)
    assert unfriend(bob, alice) is None
    block(bob, alice)
    assert asking(alice, bob).news is None, "who has blocked somebody is told nothing"
    assert unblock(bob, alice)
    assert not unblock(bob, alice)
    assert asking(alice, bob).news == News(Event.REQUESTED, alice, bob), "and after the unblocking is"


def test_users_are_told_what_is_still_so(people: tuple[int, int, int]) -> None:
    alice, bob, _ = people
    asked_, requested = asking(alice, bob), News(Event.REQUESTED, alice, bob)
    [entry], _ = page(friends.requests, bob)
    shown = {"event": "requested", "user": entry["user"], "request_id": asked_.request_id}
    assert told(requested) == {bob: shown}
    added = handle(bob, asked_.request_id)
    assert told(requested) == {}, "it is answered"
    ([as_alice], _), ([as_bob], _) = page(friends.friends, bob), page(friends.friends, alice)
    assert told(added) == {
        alice: {"event": "added", "user": as_bob},
        bob: {"event": "added", "user": as_alice},
    }
    removed = unfriend(alice, bob)
    assert told(added) == {}
    assert told(removed) == {
        alice: {"event": "removed", "user": as_bob},
        bob: {"event": "removed", "user": as_alice},
    }
    handle(bob, ask(alice, bob))
    assert told(removed) == {}
    assert told(News(Event.REMOVED, alice, NOBODY)) == {}


def test_a_request_that_is_blocked_meanwhile_is_not_told(people: tuple[int, int, int]) -> None:
    alice, bob, _ = people
    asked_ = asking(alice, bob)
    block(bob, alice)
    assert told(asked_.news) == {}


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Make calls at once. Returns each one's answer, or the code of its refusal."""

    def answer(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except Refused as error:
            return error.code

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(answer, calls))


def rows() -> tuple[list[tuple[int, int]], int]:
    """Returns all friendships, sorted, and the number of requests."""
    return write(
        lambda session, _: (
            sorted((row.user_id, row.friend_id) for row in session.scalars(select(Friend))),
            len(session.scalars(select(FriendRequest)).all()),
        )
    )


def test_two_who_ask_each_other_at_once_are_friends(people: tuple[int, int, int]) -> None:
    alice, bob, _ = people
    for _ in range(10):
        one, other = at_once(lambda: ask(alice, bob), lambda: ask(bob, alice))
        assert one == other
        assert rows()[0] == [(alice, bob), (bob, alice)]
        unfriend(alice, bob)


def test_asking_many_times_at_once_is_asking_once(people: tuple[int, int, int]) -> None:
    alice, bob, _ = people
    assert len(set(at_once(*[lambda: ask(alice, bob)] * 8))) == 1
    assert rows() == ([], 1)


def test_a_request_is_answered_once_also_at_once(people: tuple[int, int, int]) -> None:
    alice, bob, _ = people
    for _ in range(5):
        number = ask(alice, bob)
        calls = [lambda n=number, a=action: handle(bob, n, a) for action in ("accept", "reject") * 4]
        answers = at_once(*calls)
        [first] = [place for place, each in enumerate(answers) if each is not Code.REQUEST_HANDLED]
        accepted = first % 2 == 0
        assert answers[first] == (News(Event.ADDED, alice, bob) if accepted else None)
        assert friends_of(alice) == ([bob] if accepted else [])
        unfriend(alice, bob)


def test_a_friendship_is_two_rows_or_none_whatever_happens_at_once(people: tuple[int, int, int]) -> None:
    alice, bob, _ = people
    for _ in range(10):
        number = ask(alice, bob)
        at_once(
            lambda n=number: handle(bob, n),
            lambda: unfriend(alice, bob),
            lambda: unfriend(bob, alice),
            lambda: ask(bob, alice),
        )
        assert len(rows()[0]) in (0, 2)
        unfriend(alice, bob)


def test_a_request_that_meets_a_block_is_never_shown(people: tuple[int, int, int]) -> None:
    alice, bob, _ = people
    for _ in range(10):
        at_once(lambda: ask(alice, bob), lambda: block(bob, alice))
        assert asked(bob) == []
        unblock(bob, alice)
