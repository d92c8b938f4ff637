"""Tests of who is in a group and what they see of it: creating, inviting, removing, leaving, and coming back."""

import pytest
from sqlalchemy import update

from actions import groups
from db.head import Head
from db.session import write
from infra.settings import settings
from messaging.conversation_id import group
from messaging.errors import Code
from messaging.events import GroupChanged
from messaging.events.kinds import event_of
from messaging.friends import block
from messaging.login import add
from tests.messaging.conftest import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    events,
    head,
    messages,
    nothing_drifts,
    refusal,
    set_view,
    view,
)
from tests.messaging.groups.conftest import ERIN, FRANK, all_friends, at_once, new_group, roles, row_of, said, set_group


def failure(user_id: int, code: Code) -> dict[str, int]:
    return {"user_id": user_id, "code": code}


def changes() -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Returns who came and who went by each event of a group, oldest first."""
    found = [event_of(row) for row in events()]
    return [(tuple(each.came), tuple(each.went)) for each in found if isinstance(each, GroupChanged)]


def test_a_group_is_made_of_friends(friends: None) -> None:
    fields = {"avatar": "a.png", "description": "for tests", "is_private": True, "allow_invite": False}
    made = groups.create(ALICE, name="us", member_ids=[FRANK, CAROL, BOB, CAROL, ALICE], **fields)
    assert made["failed"] == [failure(FRANK, Code.NOT_FRIENDS)]
    group_id = made["group"]["id"]
    times = {"create_time": made["group"]["create_time"], "update_time": made["group"]["create_time"]}
    assert times["create_time"] > 1_700_000_000
    flags = {"join_approval": False, "allow_member_modify": False, "mute_all": False, "status": 1, "notice": ""}
    numbers = {"id": group_id, "owner_id": ALICE, "member_count": 3, "max_members": 500}
    whole = {"conversation_id": group(group_id), "name": "us"} | fields | flags | numbers | times
    assert made["group"] == whole
    assert groups.info(BOB, group_id=group_id) == {"group": whole, "my_role": 1}
    assert roles(group_id) == {ALICE: 3, BOB: 1, CAROL: 1}


def test_a_group_may_be_of_one(friends: None) -> None:
    group_id = new_group(ALICE)
    assert roles(group_id) == {ALICE: 3}
    assert row_of(group_id).allow_invite, "the one flag that is set by default"


def test_a_change_is_a_message_and_an_event_of_its_conversation(friends: None, poked: list[int | None]) -> None:
    group_id = new_group(ALICE, BOB)
    [message], [event] = messages(), events()
    name = group(group_id)
    assert (message.conversation_id, message.seq, message.change_seq) == (name, 1, 1)
    assert (message.from_user_id, message.to_user_id, message.message_type) == (ALICE, 0, 0)
    assert (message.content, message.status, message.client_msg_id) == ("", 1, None)
    counters = head(name)
    assert (counters.last_seq, counters.change_seq, counters.counted, counters.members_seq) == (1, 1, 0, 1)
    assert counters.last_message_id == message.id == event.message_id
    assert (event.conversation_id, event.change_seq, event.user_id, event.shard) == (name, 1, ALICE, counters.shard)
    assert changes() == [((ALICE, BOB), ())]
    assert poked == [counters.shard]
    groups.update(ALICE, group_id=group_id, name="we")
    counters = head(name)
    assert (counters.last_seq, counters.change_seq, counters.members_seq) == (2, 2, 1), "nobody came or went"
    assert said(group_id) == [
        {"event": "created", "user_ids": [ALICE, BOB], "actor": ALICE},
        {"event": "updated", "user_ids": [], "fields": {"name": "we"}, "actor": ALICE},
    ]


def test_who_is_invited_by_whom(group_id: int) -> None:
    answer = groups.invite(CAROL, group_id=group_id, user_ids=[FRANK, DAVE, BOB, CAROL, 404, DAVE])
    already = [failure(BOB, Code.ALREADY_A_MEMBER), failure(CAROL, Code.ALREADY_A_MEMBER)]
    strangers = [failure(FRANK, Code.NOT_FRIENDS), failure(404, Code.NOT_FRIENDS)]
    assert answer == {"added": [DAVE], "pending": [], "failed": already + strangers}
    assert roles(group_id)[DAVE] == 1
    assert row_of(group_id).member_count == 4
    assert said(group_id)[-1] == {"event": "members_added", "user_ids": [DAVE], "actor": CAROL}
    assert changes()[-1] == ((DAVE,), ())


def test_an_invitation_of_nobody_says_nothing(group_id: int, poked: list[int | None]) -> None:
    before = len(said(group_id))
    answer = groups.invite(ALICE, group_id=group_id, user_ids=[BOB])
    assert answer == {"added": [], "pending": [], "failed": [failure(BOB, Code.ALREADY_A_MEMBER)]}
    assert (len(said(group_id)), poked[-1]) == (before, None)


def test_a_blocked_friend_cannot_be_invited(group_id: int) -> None:
    users = [write(add, username=f"user{each}", password_hash="x", nickname="u")["id"] for each in range(4)]
    write(block, user_id=DAVE, other_id=ALICE)
    assert users[:4] == [ALICE, BOB, CAROL, DAVE]
    assert groups.invite(ALICE, group_id=group_id, user_ids=[DAVE])["failed"] == [failure(DAVE, Code.NOT_FRIENDS)]


def test_a_full_group_takes_nobody(group_id: int) -> None:
    set_group(group_id, max_members=4)
    answer = groups.invite(ALICE, group_id=group_id, user_ids=[ERIN, DAVE])
    assert (answer["added"], answer["failed"]) == ([DAVE], [failure(ERIN, Code.GROUP_FULL)])
    assert refusal(lambda: groups.join(FRANK, group_id=group_id)) is Code.GROUP_FULL
    groups.leave(CAROL, group_id=group_id)
    assert groups.join(FRANK, group_id=group_id) == {"joined": True, "request_id": None}
    assert row_of(group_id).member_count == 4


def test_a_new_group_takes_as_many_as_it_may(friends: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUP_MAX_MEMBERS", "3")
    settings.cache_clear()
    made = groups.create(ALICE, name="us", member_ids=[BOB, CAROL, DAVE])
    assert made["failed"] == [failure(DAVE, Code.GROUP_FULL)]
    assert (made["group"]["member_count"], made["group"]["max_members"]) == (3, 3)


def test_who_comes_sees_from_then_on(group_id: int) -> None:
    counts(group_id, 7)
    groups.join(DAVE, group_id=group_id)
    row = view(DAVE, group(group_id))
    assert (row.first_seq, row.upto_seq, row.base, row.read_seq, row.delivered_seq) == (3, None, 7, 0, 0)
    assert (row.conversation_type, row.friend_id, row.last_seq, row.unread_count) == (2, 0, 0, 0)
    assert view(ALICE, group(group_id)).first_seq == 1


def test_who_goes_sees_up_to_then(group_id: int) -> None:
    groups.remove(BOB, group_id=group_id, user_ids=[CAROL])
    row = view(CAROL, group(group_id))
    assert (row.first_seq, row.upto_seq, row.change_seq) == (1, 3, 3)
    assert said(group_id)[-1] == {"event": "members_removed", "user_ids": [CAROL], "actor": BOB}
    assert changes()[-1] == ((), (CAROL,))
    assert row_of(group_id).member_count == 2
    groups.leave(BOB, group_id=group_id)
    assert (view(BOB, group(group_id)).upto_seq, view(CAROL, group(group_id)).upto_seq) == (4, 3)
    assert said(group_id)[-1] == {"event": "member_left", "user_ids": [BOB], "actor": BOB}
    assert head(group(group_id)).members_seq == 4
    assert roles(group_id) == {ALICE: 3}


def test_who_comes_back_sees_no_more_what_was_before(group_id: int) -> None:
    name = group(group_id)
    set_view(CAROL, name, read_seq=2, delivered_seq=2, is_top=True)
    groups.leave(CAROL, group_id=group_id)
    counts(group_id, 9)
    groups.invite(ALICE, group_id=group_id, user_ids=[CAROL, DAVE])
    row = view(CAROL, name)
    assert (row.first_seq, row.upto_seq, row.base) == (4, None, 9)
    assert (row.read_seq, row.delivered_seq, row.is_top) == (2, 2, True)
    assert view(DAVE, name).first_seq == 4
    groups.remove(ALICE, group_id=group_id, user_ids=[CAROL, DAVE])
    assert [view(user, name).upto_seq for user in (CAROL, DAVE)] == [5, 5]


def test_who_comes_back_is_a_member_like_others(group_id: int) -> None:
    groups.update_member(BOB, group_id=group_id, nickname="bobby")
    groups.leave(BOB, group_id=group_id)
    groups.join(BOB, group_id=group_id)
    [found] = [each for each in groups.members(ALICE, group_id=group_id)["members"] if each["user_id"] == BOB]
    assert (found["role"], found["nickname"], found["mute_end_time"]) == (1, "", None)


def test_what_one_refuses_does_not_stop_the_others(group_id: int) -> None:
    groups.join(DAVE, group_id=group_id)
    answer = groups.remove(BOB, group_id=group_id, user_ids=[ALICE, DAVE, BOB, FRANK, CAROL])
    low = [failure(ALICE, Code.ROLE_TOO_LOW), failure(BOB, Code.ROLE_TOO_LOW)]
    assert answer == {"removed": [CAROL, DAVE], "failed": [*low, failure(FRANK, Code.NOT_A_MEMBER)]}


def test_a_hundred_come_and_go_in_a_few_statements(poked: list[int | None], statements: list[str]) -> None:
    """A flight counts as one on MariaDB, and each of its statements on SQLite."""
    many = list(range(100, 200))
    all_friends(ALICE, *many)
    group_id = new_group(ALICE)
    statements.clear()
    assert groups.invite(ALICE, group_id=group_id, user_ids=many)["added"] == many
    came = len(statements)
    assert groups.remove(ALICE, group_id=group_id, user_ids=many[:50])["removed"] == many[:50]
    went = len(statements) - came
    assert groups.invite(ALICE, group_id=group_id, user_ids=many)["added"] == many[:50]
    assert came < 25
    assert went < 20
    assert row_of(group_id).member_count == 101
    assert {view(user, group(group_id)).first_seq for user in many} == {2, 4}


def test_a_message_names_the_change_and_is_dense_with_others(group_id: int) -> None:
    """Calls at once take a seq each, whoever comes first."""
    calls = [
        lambda: groups.join(DAVE, group_id=group_id),
        lambda: groups.join(ERIN, group_id=group_id),
        lambda: groups.leave(CAROL, group_id=group_id),
        lambda: groups.update(ALICE, group_id=group_id, name="a"),
        lambda: groups.mute(BOB, group_id=group_id, user_ids=[CAROL], seconds=9),
        lambda: groups.invite(BOB, group_id=group_id, user_ids=[DAVE, ERIN]),
    ]
    at_once(*calls)
    seqs = [each.seq for each in messages()]
    assert seqs == list(range(1, len(seqs) + 1))
    assert head(group(group_id)).last_seq == len(seqs)
    assert roles(group_id) == {ALICE: 3, BOB: 2, DAVE: 1, ERIN: 1}
    assert row_of(group_id).member_count == 4


def test_the_last_place_is_taken_once(group_id: int) -> None:
    set_group(group_id, max_members=4)
    answers = at_once(*(lambda user=user: groups.join(user, group_id=group_id) for user in (DAVE, ERIN, FRANK)))
    assert sorted(map(str, answers)).count(str(Code.GROUP_FULL)) == 2
    assert row_of(group_id).member_count == 4


def test_who_joins_many_times_at_once_joins_once(group_id: int) -> None:
    answers = at_once(*[lambda: groups.join(DAVE, group_id=group_id)] * 4)
    assert answers.count(Code.ALREADY_A_MEMBER) == 3
    assert [each for each in said(group_id) if each["event"] == "member_joined"] == [
        {"event": "member_joined", "user_ids": [DAVE], "actor": DAVE}
    ]


def test_members_are_the_rows_whose_range_is_open(group_id: int) -> None:
    """Whatever came and went at once, the rows, the count and the events agree."""
    for _ in range(4):
        at_once(
            *(lambda user=user: groups.join(user, group_id=group_id) for user in (DAVE, ERIN, FRANK)),
            lambda: groups.remove(ALICE, group_id=group_id, user_ids=[CAROL, DAVE, ERIN]),
            lambda: groups.invite(ALICE, group_id=group_id, user_ids=[CAROL, ERIN]),
            lambda: groups.leave(FRANK, group_id=group_id),
        )
    inside: set[int] = set()
    for came, went in changes():
        assert not inside & set(came)
        assert set(went) <= inside
        inside = (inside | set(came)) - set(went)
    assert set(roles(group_id)) == inside
    assert row_of(group_id).member_count == len(inside)
    rows = {user: view(user, group(group_id)) for user in inside | {CAROL}}
    assert {user for user, row in rows.items() if row.upto_seq is None} == inside
    nothing_drifts(group(group_id))


def counts(group_id: int, counted: int) -> None:
    """Let the head say that so many messages may count as unread."""
    mine = Head.conversation_id == group(group_id)
    write(lambda session, _: session.execute(update(Head).where(mine).values(counted=counted)))
