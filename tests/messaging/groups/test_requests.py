"""Tests of requests to join a group, and of members' invitations that wait for approval."""

import pytest

from actions import groups
from db.session import write
from messaging.errors import Code
from messaging.login import add
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE, refusal
from tests.messaging.groups.conftest import ERIN, FRANK, at_once, new_group, roles, said, set_group

NOBODY = 2**53 - 1


@pytest.fixture
def guarded(group_id: int) -> int:
    """Make the group one that wants approval. Returns its id."""
    groups.update(ALICE, group_id=group_id, join_approval=True)
    return group_id


def ask(user_id: int, group_id: int, message: str = "") -> int:
    answer = groups.join(user_id, group_id=group_id, message=message)
    assert answer["joined"] is False
    return int(answer["request_id"])


def waiting(group_id: int) -> list[int]:
    """Returns who waits, the newest first."""
    return [each["user"]["id"] for each in groups.requests(BOB, group_id=group_id)["requests"]]


def test_a_request_waits_and_is_shown_to_those_who_decide(guarded: int) -> None:
    before = len(said(guarded))
    first, second = ask(DAVE, guarded, "it's me"), ask(ERIN, guarded)
    found = groups.requests(ALICE, group_id=guarded)
    assert found["total"] == 2
    assert [each["request_id"] for each in found["requests"]] == [second, first]
    entry = found["requests"][1]
    assert entry.pop("create_time") > 1_700_000_000
    nobody_knows = {"id": DAVE, "username": "", "nickname": "", "avatar": ""}
    assert entry == {"request_id": first, "user": nobody_knows, "message": "it's me"}
    assert DAVE not in roles(guarded)
    assert len(said(guarded)) == before, "a request is no change of the group"


def test_requests_come_in_pages(guarded: int) -> None:
    first, second = ask(DAVE, guarded), ask(ERIN, guarded)
    pages = [groups.requests(BOB, group_id=guarded, page=page, limit=1) for page in (1, 2, 3)]
    assert [[each["request_id"] for each in page["requests"]] for page in pages] == [[second], [first], []]
    assert {page["total"] for page in pages} == {2}


def test_asking_again_is_asking_once(guarded: int) -> None:
    assert ask(DAVE, guarded) == ask(DAVE, guarded)
    assert len(set(map(str, at_once(*[lambda: groups.join(ERIN, group_id=guarded)] * 4)))) == 1
    assert waiting(guarded) == [ERIN, DAVE]


def test_who_is_accepted_is_in_by_whom(guarded: int) -> None:
    assert groups.handle(BOB, request_id=ask(DAVE, guarded), action="accept") == {}
    assert roles(guarded)[DAVE] == 1
    assert said(guarded)[-1] == {"event": "member_joined", "user_ids": [DAVE], "actor": BOB}
    assert waiting(guarded) == []


def test_who_is_rejected_may_ask_again(guarded: int) -> None:
    number, before = ask(DAVE, guarded), len(said(guarded))
    groups.handle(BOB, request_id=number, action="reject")
    assert DAVE not in roles(guarded)
    assert len(said(guarded)) == before
    assert ask(DAVE, guarded) > number
    assert waiting(guarded) == [DAVE]


@pytest.mark.parametrize("first", ["accept", "reject"])
@pytest.mark.parametrize("second", ["accept", "reject"])
def test_a_request_is_handled_once(guarded: int, first: str, second: str) -> None:
    number = ask(DAVE, guarded)
    groups.handle(ALICE, request_id=number, action=first)
    assert refusal(lambda: groups.handle(BOB, request_id=number, action=second)) is Code.REQUEST_HANDLED
    assert (DAVE in roles(guarded)) is (first == "accept")


def test_a_request_is_handled_once_also_at_once(guarded: int) -> None:
    number = ask(DAVE, guarded)
    accepting = lambda: groups.handle(ALICE, request_id=number, action="accept")  # noqa: E731
    rejecting = lambda: groups.handle(BOB, request_id=number, action="reject")  # noqa: E731
    answers = at_once(accepting, rejecting, accepting, rejecting)
    assert answers.count(Code.REQUEST_HANDLED) == 3
    assert (DAVE in roles(guarded)) is (answers.index({}) in (0, 2))


def test_there_is_no_such_request(guarded: int) -> None:
    assert refusal(lambda: groups.handle(ALICE, request_id=NOBODY, action="accept")) is Code.NO_SUCH_REQUEST


@pytest.mark.parametrize("action", ["accept", "reject"])
def test_to_strangers_a_request_to_a_private_group_is_none(guarded: int, action: str) -> None:
    number = ask(DAVE, guarded)
    groups.update(ALICE, group_id=guarded, is_private=True)
    refusals = [
        refusal(lambda asked=asked: groups.handle(FRANK, request_id=asked, action=action)) for asked in (number, NOBODY)
    ]
    assert refusals == [Code.NO_SUCH_REQUEST] * 2
    groups.leave(CAROL, group_id=guarded)
    assert refusal(lambda: groups.handle(CAROL, request_id=number, action=action)) is Code.ROLE_TOO_LOW
    assert waiting(guarded) == [DAVE]


def test_a_request_waits_while_the_group_is_full(guarded: int) -> None:
    number = ask(DAVE, guarded)
    set_group(guarded, max_members=3)
    assert refusal(lambda: groups.handle(ALICE, request_id=number, action="accept")) is Code.GROUP_FULL
    assert waiting(guarded) == [DAVE]
    groups.leave(CAROL, group_id=guarded)
    groups.handle(ALICE, request_id=number, action="accept")
    assert DAVE in roles(guarded)


def test_what_members_invite_waits_and_what_admins_invite_does_not(guarded: int) -> None:
    before = len(said(guarded))
    answer = groups.invite(CAROL, group_id=guarded, user_ids=[DAVE, FRANK])
    assert answer == {"added": [], "pending": [DAVE], "failed": [{"user_id": FRANK, "code": Code.NOT_FRIENDS}]}
    assert groups.invite(CAROL, group_id=guarded, user_ids=[DAVE, ERIN])["pending"] == [DAVE, ERIN]
    assert (waiting(guarded), len(said(guarded))) == ([ERIN, DAVE], before)
    assert groups.invite(BOB, group_id=guarded, user_ids=[DAVE])["added"] == [DAVE]
    assert waiting(guarded) == [ERIN], "an invitation answers the request"


def test_a_request_that_is_no_longer_needed_is_answered(guarded: int) -> None:
    number = ask(DAVE, guarded)
    groups.update(ALICE, group_id=guarded, join_approval=False)
    assert groups.join(DAVE, group_id=guarded) == {"joined": True, "request_id": None}
    assert waiting(guarded) == []
    assert refusal(lambda: groups.handle(ALICE, request_id=number, action="accept")) is Code.REQUEST_HANDLED


def test_an_answer_is_of_its_own_group(guarded: int) -> None:
    other = new_group(DAVE, CAROL)
    number = ask(ERIN, guarded)
    assert refusal(lambda: groups.handle(DAVE, request_id=number, action="accept")) is Code.ROLE_TOO_LOW
    groups.update(DAVE, group_id=other, join_approval=True)
    theirs = ask(ERIN, other)
    groups.invite(DAVE, group_id=other, user_ids=[ERIN])
    assert waiting(guarded) == [ERIN]
    assert refusal(lambda: groups.handle(DAVE, request_id=theirs, action="reject")) is Code.REQUEST_HANDLED


def test_those_who_ask_are_named(guarded: int) -> None:
    for name in ("alice", "bob", "carol", "dave"):
        write(add, username=name, password_hash="x", nickname=name.title())
    ask(DAVE, guarded)
    [entry] = groups.requests(ALICE, group_id=guarded)["requests"]
    assert entry["user"] == {"id": DAVE, "username": "dave", "nickname": "Dave", "avatar": ""}
