"""Tests that messages to groups are stored with what their members share and what is their authors' own."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from db.conversation import Conversation
from db.group import Group, GroupStatus
from db.group_member import GroupMember
from db.mention import Mention
from db.session import engine, write
from messaging.bodies import EVERYBODY
from messaging.conversation_id import group
from messaging.draft import Draft
from messaging.errors import Code, Refused
from messaging.send import Answer, Sent
from tests import groups
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE, befriend, draft, events, head, messages, read, store, view

EVE = 5


@pytest.fixture
def team(any_database: str) -> int:
    """Make a group of Alice, its owner, Bob, an admin, and Carol. Returns its id."""
    return groups.made(ALICE, CAROL, admins=(BOB,))


def to(group_id: int, author: int, content: str = "hello", **fields: Any) -> Draft:
    """Returns a draft of a message to a group."""
    return draft(author, 0, content, group_id=group_id, **fields)


def told(*drafts: Draft) -> list[Any]:
    """Send drafts as one batch. Returns each answer in short: the seq, with a star for a duplicate, or the code."""
    return [_short(answer) for answer in store(*drafts)]


def _short(answer: Answer) -> Any:
    if isinstance(answer, Refused):
        return answer.code
    return f"{answer.message['seq']}{'*' if answer.duplicate else ''}"


def sent(*drafts: Draft) -> list[Sent]:
    """Send drafts as one batch. Returns the answers, none of which may be a refusal."""
    answers = store(*drafts)
    assert all(isinstance(answer, Sent) for answer in answers), answers
    return [answer for answer in answers if isinstance(answer, Sent)]


def change(group_id: int, **columns: Any) -> None:
    """Change a group by hand."""
    write(lambda session, _: session.execute(update(Group).where(Group.id == group_id).values(columns)))


def remove(group_id: int, user_id: int, upto: int) -> None:
    """Remove a member by hand, as the message `upto` would."""
    member = (GroupMember.group_id == group_id, GroupMember.user_id == user_id)
    row = (Conversation.conversation_id == group(group_id), Conversation.user_id == user_id)
    write(lambda session, _: session.execute(delete(GroupMember).where(*member)))
    write(lambda session, _: session.execute(update(Conversation).where(*row).values(upto_seq=upto)))


def silence(group_id: int, user_id: int, seconds: int) -> None:
    """Mute a member by hand until `seconds` from now."""
    member = (GroupMember.group_id == group_id, GroupMember.user_id == user_id)
    write(
        lambda session, now: session.execute(
            update(GroupMember).where(*member).values(mute_end_time=now + timedelta(seconds=seconds))
        )
    )


def counts(group_id: int) -> dict[int, tuple[int, int]]:
    """Returns each member's unread count and how far no message waits for them."""
    counted = head(group(group_id)).counted
    rows = read(lambda session: session.scalars(select(Conversation)).all())
    return {row.user_id: (counted - row.base, row.delivered_seq) for row in rows if row.conversation_type == 2}


def test_a_message_to_a_group_is_answered_whole(team: int) -> None:
    (answer,) = sent(to(team, CAROL, "hi", client_msg_id="k"))
    row = messages()[-1]
    moment = answer.message.pop("create_time")
    assert answer.message.pop("update_time") == moment
    assert answer.message == {
        "id": row.id,
        "conversation_id": group(team),
        "seq": 2,
        "change_seq": 2,
        "from_user_id": CAROL,
        "to_user_id": 0,
        "message_type": 1,
        "content": "hi",
        "extra": None,
        "status": 1,
        "client_msg_id": "k",
        "reply": None,
    }
    assert (answer.duplicate, answer.shard, answer.members_seq) == (False, head(group(team)).shard, 1)
    (event,) = events()
    assert (event.conversation_id, event.message_id, event.shard, event.kind) == (group(team), row.id, answer.shard, 1)


def test_the_head_holds_what_all_members_share(team: int) -> None:
    stored = sent(to(team, ALICE), to(team, BOB), to(team, ALICE))
    found = head(group(team))
    assert (found.last_seq, found.change_seq, found.counted, found.members_seq) == (4, 4, 3, 1)
    assert found.last_message_id == stored[-1].message["id"]


def test_nobodys_own_message_is_unread_for_them(team: int) -> None:
    sent(to(team, ALICE), to(team, BOB), to(team, ALICE))
    sent(to(team, BOB))
    assert {user: unread for user, (unread, _) in counts(team).items()} == {ALICE: 2, BOB: 2, CAROL: 4}


def test_an_authors_own_message_waits_for_no_device_of_theirs_when_none_before_it_does(team: int) -> None:
    sent(to(team, ALICE))
    assert counts(team)[ALICE][1] == 0, "the message that made the group waits"
    for user in (ALICE, CAROL):
        write(
            lambda session, _, user=user: session.execute(
                update(Conversation).where(Conversation.user_id == user).values(delivered_seq=2)
            )
        )
    sent(to(team, ALICE), to(team, ALICE), to(team, CAROL), to(team, ALICE))
    assert {user: delivered for user, (_, delivered) in counts(team).items()} == {ALICE: 4, BOB: 0, CAROL: 2}


def test_what_was_before_somebody_came_does_not_wait_for_them(team: int) -> None:
    write(lambda session, _: session.execute(update(Conversation).values(first_seq=2, delivered_seq=0)))
    sent(to(team, CAROL))
    assert counts(team)[CAROL][1] == 2


def test_only_the_authors_row_changes(team: int) -> None:
    before = {user: view(user, group(team)).base for user in (ALICE, BOB, CAROL)}
    sent(to(team, BOB), to(team, BOB))
    assert {user: view(user, group(team)).base for user in (ALICE, BOB, CAROL)} == before | {BOB: before[BOB] + 2}


def test_a_batch_mixes_groups_and_pairs(team: int) -> None:
    befriend(ALICE, BOB)
    other = groups.made(BOB, ALICE)
    answers = store(
        draft(ALICE, BOB),
        to(team, ALICE),
        to(other, ALICE),
        to(team, BOB),
        draft(BOB, ALICE),
        draft(ALICE, CAROL),
        to(other, CAROL),
    )
    assert [_short(answer) for answer in answers] == ["1", "2", "2", "3", "2", Code.NOT_FRIENDS, Code.ROLE_TOO_LOW]
    assert [head(name).counted for name in ("1_2", group(team), group(other))] == [0, 2, 1]
    assert head("1_2").last_message_id is None
    assert len(events()) == 5


@pytest.mark.parametrize("returning", [True, False], ids=["as it is", "as on MySQL"])
def test_every_message_gets_its_own_id(team: int, monkeypatch: pytest.MonkeyPatch, *, returning: bool) -> None:
    if not returning:
        monkeypatch.setattr(engine().dialect, "insert_returning", False)
    befriend(ALICE, BOB)
    answers = sent(*(each for n in range(20) for each in (to(team, ALICE, f"g{n}"), draft(ALICE, BOB, f"p{n}"))))
    found = {row.id: row.content for row in messages() if row.content}
    assert {answer.message["id"]: answer.message["content"] for answer in answers} == found
    assert head(group(team)).last_message_id == answers[-2].message["id"]


def test_a_group_that_does_not_exist_and_one_that_is_not_to_be_seen_refuse_alike(team: int) -> None:
    change(team, is_private=True)
    assert told(to(team, DAVE), to(team + 1, DAVE), to(2**53 - 1, DAVE)) == [Code.NO_SUCH_GROUP] * 3
    assert len(messages()) == 1


def test_who_is_not_in_a_group_may_not_write(team: int) -> None:
    assert told(to(team, DAVE)) == [Code.ROLE_TOO_LOW]


@pytest.mark.parametrize("is_private", [True, False])
def test_who_was_in_a_group_may_not_write(team: int, *, is_private: bool) -> None:
    change(team, is_private=is_private)
    remove(team, CAROL, 1)
    assert told(to(team, CAROL), to(team, ALICE)) == [Code.ROLE_TOO_LOW, "2"]


def test_nobody_writes_to_a_dissolved_group(team: int) -> None:
    change(team, status=GroupStatus.DISSOLVED)
    assert told(to(team, ALICE), to(team, DAVE)) == [Code.GROUP_DISSOLVED, Code.ROLE_TOO_LOW]
    change(team, is_private=True)
    assert told(to(team, DAVE)) == [Code.NO_SUCH_GROUP]


def test_a_muted_member_may_not_write_until_it_ends(team: int) -> None:
    silence(team, CAROL, 60)
    assert told(to(team, CAROL), to(team, BOB)) == [Code.MUTED, "2"]
    silence(team, CAROL, 0)
    assert told(to(team, CAROL)) == ["3"]


def test_a_muted_group_spares_owner_and_admins(team: int) -> None:
    change(team, mute_all=True)
    assert told(to(team, ALICE), to(team, BOB), to(team, CAROL)) == ["2", "3", Code.MUTED]


@pytest.mark.parametrize("how", ["muted", "removed", "dissolved"])
def test_a_repeat_is_a_duplicate_whatever_has_happened_since(team: int, how: str) -> None:
    sent(to(team, CAROL, client_msg_id="k"))
    if how == "muted":
        silence(team, CAROL, 60)
    elif how == "removed":
        change(team, is_private=True)
        remove(team, CAROL, 2)
    else:
        change(team, status=GroupStatus.DISSOLVED)
    first, other, new = told(
        to(team, CAROL, client_msg_id="k"), to(team, CAROL, "x", client_msg_id="k"), to(team, CAROL)
    )
    assert (first, other) == ("2*", Code.CLIENT_MSG_ID_REUSED)
    assert new in (Code.MUTED, Code.ROLE_TOO_LOW, Code.GROUP_DISSOLVED)
    assert head(group(team)).counted == 1


def test_a_key_is_one_for_pairs_and_groups(team: int) -> None:
    befriend(ALICE, BOB)
    assert told(draft(ALICE, BOB, client_msg_id="k"), to(team, ALICE, client_msg_id="k")) == [
        "1",
        Code.CLIENT_MSG_ID_REUSED,
    ]
    assert told(to(team, ALICE, client_msg_id="k")) == [Code.CLIENT_MSG_ID_REUSED]
    assert head(group(team)).counted == 0


def test_repeats_count_once(team: int) -> None:
    assert told(*(to(team, ALICE, client_msg_id="k") for _ in range(3))) == ["2", "2*", "2*"]
    assert told(to(team, ALICE, client_msg_id="k"), to(team, ALICE)) == ["2*", "3"]
    assert head(group(team)).counted == 2
    assert counts(team)[ALICE][0] == 0


def mentions(group_id: int) -> set[tuple[int, int, int]]:
    """Returns user, seq and author of all mentions in a group."""
    rows = read(lambda session: session.scalars(select(Mention)).all())
    assert {row.conversation_id for row in rows} <= {group(group_id)}
    return {(row.user_id, row.seq, row.from_user_id) for row in rows}


def test_mentions_are_stored_with_their_message(team: int) -> None:
    assert told(to(team, CAROL, mentions=(ALICE, BOB)), to(team, BOB, mentions=(EVERYBODY,)), to(team, BOB)) == [
        "2",
        "3",
        "4",
    ]
    assert mentions(team) == {(ALICE, 2, CAROL), (BOB, 2, CAROL), (EVERYBODY, 3, BOB)}


def test_all_are_mentioned_by_owner_and_admins_alone(team: int) -> None:
    everybody = {"mentions": (EVERYBODY,)}
    assert told(*(to(team, user, **everybody) for user in (ALICE, BOB, CAROL))) == ["2", "3", Code.ROLE_TOO_LOW]


def test_only_members_are_mentioned(team: int) -> None:
    other = groups.made(EVE, DAVE, CAROL)
    remove(team, BOB, 1)
    answers = told(
        to(team, CAROL, mentions=(ALICE, DAVE)),
        to(team, CAROL, mentions=(BOB,)),
        to(other, CAROL, mentions=(DAVE,)),
        to(team, CAROL, mentions=(ALICE, CAROL)),
    )
    assert answers == [Code.INVALID, Code.INVALID, "2", "2"]
    assert len(messages()) == 4


def test_a_repeat_mentions_nobody_again(team: int) -> None:
    mention = {"mentions": (ALICE,), "client_msg_id": "k"}
    assert told(to(team, CAROL, **mention), to(team, CAROL, **mention)) == ["2", "2*"]
    assert told(to(team, CAROL, **mention)) == ["2*"]
    assert mentions(team) == {(ALICE, 2, CAROL)}


def test_a_full_batch_of_many_authors_who_mention_fifty(any_database: str) -> None:
    users = range(1, 65)
    big = groups.made(1, *users)
    assert told(*(to(big, user, mentions=tuple(range(1, 51))) for user in users)) == [str(n) for n in range(2, 66)]
    assert len(mentions(big)) == 64 * 50
    assert {unread for unread, _ in counts(big).values()} == {63}
