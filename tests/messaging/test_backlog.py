"""Tests of a user's backlog, in pages: of each conversation the newest 200 undelivered messages, in order."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import orjson
import pytest
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from db.base import Base
from db.conversation import Conversation
from db.head import Head
from db.message import Message
from db.session import read, write
from messaging import backlog
from messaging.backlog import Asked, Cursor, Page, Run
from messaging.delivered import Proof
from messaging.draft import MAX_CONTENT, MAX_EXTRA
from messaging.status import Status
from messaging.tops import MOST
from tests.messaging.conftest import (
    ALICE,
    BOB,
    CAROL,
    befriend,
    hide,
    project,
    set_message,
    set_view,
    store_many,
    store_proofs,
    stored,
)

ME = 500


def page(cursor: Cursor | None = None, *, user_id: int = ME) -> Page:
    (found,) = read(backlog.pages, asked=[(user_id, cursor)])
    assert found
    return found


def pages(*, delivering: bool = False) -> Iterator[Page]:
    """Yields all pages. With `delivering`, the device's proof of each page is stored before the next."""
    cursor = None
    while True:
        found = page(cursor)
        yield found
        if delivering:
            proofs = [Proof(ME, each.conversation_id, each.after, each.upto) for each in found.runs]
            store_proofs(*proofs)
        if found.cursor is None:
            return
        cursor = found.cursor


def fill(peer: int, count: int, content: str, extra: str | None = None, *, user_id: int = ME) -> str:
    """Store a conversation in which `count` such messages wait. Returns its id."""
    name = f"{peer}_{user_id}"
    _insert(Conversation, [{"conversation_id": name, "user_id": user_id, "friend_id": peer, "last_seq": count}])
    sent = _messages(name, peer, 0, count)
    _insert(Message, [message | {"content": content, "extra": extra} for message in sent])
    return name


def weight(found: Page) -> int:
    """Returns the size of a page's frames, in bytes."""
    return sum(len(orjson.dumps({"type": "new_message", "content": message})) for message in found.messages)


def waiting(*shares: tuple[int, ...]) -> list[str]:
    """Store a conversation with a peer of a smaller id for each (peer, sent[, delivered]). Returns their ids."""
    rows, sent = [], []
    for peer, last_seq, *delivered in shares:
        name = f"{peer}_{ME}"
        delivered_seq = delivered[0] if delivered else 0
        seqs = {"last_seq": last_seq, "delivered_seq": delivered_seq}
        rows.append({"conversation_id": name, "user_id": ME, "friend_id": peer} | seqs)
        sent += _messages(name, peer, 0, last_seq)
    _insert(Conversation, rows)
    _insert(Message, sent)
    heads = [{"conversation_id": row["conversation_id"], "shard": 0, "last_seq": row["last_seq"]} for row in rows]
    write(lambda session, _: session.execute(insert(Head), heads))
    return [row["conversation_id"] for row in rows]


def grow(name: str, peer: int, after: int, upto: int) -> None:
    """Store more messages of the peer, already counted in the user's row."""
    _insert(Message, _messages(name, peer, after, upto))
    set_view(ME, name, last_seq=upto)


def _messages(name: str, peer: int, after: int, upto: int) -> list[dict[str, Any]]:
    common = {"from_user_id": peer, "to_user_id": ME, "conversation_id": name, "message_type": 1, "content": "x"}
    return [common | {"seq": seq, "change_seq": seq} for seq in range(after + 1, upto + 1)]


def _insert(table: type[Base], rows: list[dict[str, Any]]) -> None:
    def rule(session: Session, now: datetime) -> None:
        session.execute(insert(table), [row | {"create_time": now, "update_time": now} for row in rows])

    write(rule)


def seqs(found: Sequence[Page], name: str) -> list[int]:
    """Returns the seqs of a conversation's messages over all pages, in the order in which they come."""
    return [each["seq"] for one in found for each in one.messages if each["conversation_id"] == name]


def test_who_waits_for_nothing_gets_one_empty_page(any_database: str) -> None:
    assert page() == Page([], [], None)


def test_what_was_sent_comes_as_the_recipient_sees_it(pair: str) -> None:
    sent = store_many(ALICE, BOB, 2)
    project()
    assert page(user_id=BOB) == Page(sent, [Run(pair, 0, 2, whole=True)], None, [(pair, 0)])
    assert page(user_id=ALICE) == Page([], [], None, [(pair, 2)]), "what one sent oneself waits for no device"


def test_only_what_was_counted_comes(pair: str) -> None:
    sent = store_many(ALICE, BOB, 2)
    project()
    store_many(ALICE, BOB, 2)
    assert page(user_id=BOB).messages == sent


def test_what_was_delivered_does_not_come(any_database: str) -> None:
    _, name = waiting((1, 5, 5), (2, 5, 3))
    found = page()
    assert seqs([found], name) == [4, 5]
    assert found.runs == [Run(name, 3, 5, whole=True)]


def test_own_messages_between_come_as_well(pair: str) -> None:
    """A run must have no hole, and another device of the user may not know the user's own messages."""
    stored(ALICE, BOB)
    stored(BOB, ALICE)
    stored(ALICE, BOB)
    project()
    assert [each["seq"] for each in page(user_id=BOB).messages] == [1, 2, 3]


def test_a_message_deleted_or_hidden_comes_as_a_tombstone(pair: str) -> None:
    hidden, deleted, recalled, _ = store_many(ALICE, BOB, 4, "secret")
    hide(BOB, hidden)
    hide(ALICE, recalled)
    set_message(deleted, status=Status.DELETED)
    set_message(recalled, status=Status.RECALLED)
    project()
    found = page(user_id=BOB).messages
    assert [(each["seq"], each["status"]) for each in found] == [(1, 5), (2, 5), (3, 4), (4, 1)]
    assert [each["content"] for each in found] == ["", "", "[消息已撤回]", "secret"]


@pytest.mark.parametrize(
    ("count", "coming", "whole"), [(1, 1, True), (199, 199, True), (200, 200, True), (201, 200, False)]
)
def test_the_newest_200_of_a_conversation_come(any_database: str, count: int, coming: int, whole: bool) -> None:
    (name,) = waiting((1, count))
    found = page()
    assert seqs([found], name) == list(range(count - coming + 1, count + 1))
    assert found.runs == [Run(name, count - coming, count, whole=whole)]
    assert found.cursor is None


def test_200_are_counted_from_what_was_delivered(any_database: str) -> None:
    (name,) = waiting((1, 300, 100))
    assert page().runs == [Run(name, 100, 300, whole=True)]


def test_pages_go_across_conversations(any_database: str) -> None:
    first, second, third = waiting((1, 90), (2, 90), (3, 90))
    found = list(pages())
    assert [one.runs for one in found] == [
        [Run(first, 0, 90, whole=True), Run(second, 0, 90, whole=True), Run(third, 0, 20, whole=True)],
        [Run(third, 20, 90, whole=True)],
    ]
    assert [one.cursor for one in found] == [(third, 20), None]
    for name in (first, second, third):
        assert seqs(found, name) == list(range(1, 91))


@pytest.mark.parametrize("delivering", [False, True])
@pytest.mark.parametrize(("total", "expected"), [(199, 1), (200, 1), (201, 2), (400, 2), (401, 3)])
def test_a_page_holds_200(any_database: str, total: int, expected: int, delivering: bool) -> None:
    shares = [total // 3, total // 3, total - total // 3 * 2]
    names = waiting(*enumerate(shares, start=1))
    found = list(pages(delivering=delivering))
    assert [len(one.messages) for one in found] == [200] * (expected - 1) + [total - 200 * (expected - 1)]
    for name, share in zip(names, shares, strict=True):
        assert seqs(found, name) == list(range(1, share + 1))
    assert all(each.whole for one in found for each in one.runs)


@pytest.mark.parametrize("delivering", [False, True])
@pytest.mark.parametrize("count", [199, 200, 201, 401])
def test_one_message_of_each_of_many_comes_once(any_database: str, count: int, delivering: bool) -> None:
    names = waiting(*((peer, 1) for peer in range(1, count + 1)))
    found = list(pages(delivering=delivering))
    assert sorted(each["conversation_id"] for one in found for each in one.messages) == sorted(names)
    assert [len(one.messages) for one in found] == [200] * (count // 200) + [count % 200] * bool(count % 200)


LARGEST = [
    ("\U0001f600" * MAX_CONTENT, '{"x":"' + "y" * (MAX_EXTRA - 8) + '"}'),
    ("\x01" * MAX_CONTENT, None),
    ('"' * MAX_CONTENT, '{"x":"' + "\\\\" * (MAX_EXTRA // 2 - 4) + '"}'),
]


@pytest.mark.parametrize(("content", "extra"), LARGEST, ids=["emoji", "control", "quotes"])
def test_pages_of_the_largest_messages_are_bounded_in_bytes(any_database: str, content: str, extra: str | None) -> None:
    names = [fill(1, 25, content, extra), fill(2, 25, content, extra)]
    found = list(pages())
    assert all(weight(one) <= 256 * 1024 for one in found)
    assert all(weight(one) > 192 * 1024 for one in found[:-1]), "no page is much smaller than it may be"
    for name in names:
        assert seqs(found, name) == list(range(1, 26))
    assert all(each.whole for one in found for each in one.runs)


def test_a_page_never_holds_less_than_one_message(any_database: str) -> None:
    name = fill(1, 20, "\x01" * 60_000)
    assert page().runs == [Run(name, 0, 1, whole=True)]
    assert page((name, 1)).runs == [Run(name, 1, 2, whole=True)]


def test_places_are_in_the_order_of_the_runs(any_database: str) -> None:
    waiting((2, 2), (10, 2), (1, 2))
    found = page()
    assert [(each["conversation_id"], each["seq"]) for each in found.messages] == [
        (each.conversation_id, seq) for each in found.runs for seq in range(each.after + 1, each.upto + 1)
    ]


def test_what_came_since_follows_the_cursor(any_database: str) -> None:
    (name,) = waiting((1, 150))
    grow(name, 1, 150, 160)
    assert page((name, 150)).runs == [Run(name, 150, 160, whole=True)]


def test_what_was_left_out_behind_the_cursor_is_said(any_database: str) -> None:
    (name,) = waiting((1, 450))
    assert page((name, 200)).runs == [Run(name, 250, 450, whole=False)]


def test_what_another_device_has_answered_for_was_not_left_out(any_database: str) -> None:
    (name,) = waiting((1, 30, 20))
    assert page((name, 10)).runs == [Run(name, 20, 30, whole=True)]


def test_a_conversation_before_the_cursor_does_not_come_again(any_database: str) -> None:
    _, second = waiting((1, 5), (2, 5))
    assert page((second, 0)).runs == [Run(second, 0, 5, whole=True)]
    assert page((second, 5)) == Page([], [], None)


def test_somebody_elses_backlog_is_not_seen(any_database: str) -> None:
    waiting((1, 5))
    assert page(user_id=1) == Page([], [], None)


def test_conversations_that_wait_are_found_by_their_index_alone(mariadb_database: str) -> None:
    """A connect must not read all thousand conversations of a user for whom nothing waits."""
    waiting(*((peer, 1, 1) for peer in range(1, 401)))

    def handler_reads(session: Session, now: datetime) -> int:
        session.execute(text("FLUSH STATUS"))
        (found,) = backlog.pages(session, now, asked=[(ME, None)])
        assert found
        assert found.runs == []
        status = session.execute(text("SHOW SESSION STATUS LIKE 'Handler_read%'"))
        return sum(int(value) for _, value in status)

    assert write(handler_reads) < 20 + MOST, "of the others only the newest are read, for their tops"


def test_pages_of_many_users_are_what_each_would_get_alone(any_database: str) -> None:
    """Among them are both members of a conversation, a user who hides, one on a later page, and one asked for twice."""
    befriend(ALICE, BOB)
    befriend(ALICE, CAROL)
    for sender, to in ((ALICE, BOB), (BOB, ALICE), (ALICE, CAROL)):
        store_many(sender, to, 3)
    hide(BOB, stored(ALICE, BOB))
    project()
    first, second = waiting((5, 150), (6, 150))
    asked: list[Asked] = [(BOB, None), (ME, (second, 50)), (ALICE, None), (99, None), (ME, None), (CAROL, ("1_2", 9))]
    found = read(backlog.pages, asked=asked)
    assert found == [page(cursor, user_id=user_id) for user_id, cursor in asked]
    of_bob, of_alice = found[0], found[2]
    assert of_bob
    assert of_alice
    assert [each["status"] for each in of_bob.messages] == [1] * 6 + [5]
    assert [each["status"] for each in of_alice.messages if each["conversation_id"] == "1_2"] == [1] * 4
    assert page().cursor == (second, 50)
    assert seqs([page((second, 50))], first) == []


def test_a_user_for_whom_thousands_of_conversations_wait_takes_nobody_s_page(any_database: str) -> None:
    """So many rows are not read at once. Who is not answered yet is when they are asked for again."""
    names = waiting(*((peer, 1) for peer in range(1, 1_101)))
    befriend(ALICE, BOB)
    befriend(ALICE, ME + 1)
    for friend in (BOB, ME + 1):
        stored(ALICE, friend)
    project()
    for users in ([ME, BOB, ME + 1, 9_000], [BOB, ME]):
        left: list[Asked] = [(user_id, None) for user_id in users]
        answered: dict[int, Page] = {}
        while left:
            found = read(backlog.pages, asked=left)
            got = {user_id: one for (user_id, _), one in zip(left, found, strict=True) if one}
            assert got
            answered |= got
            left = [each for each in left if each[0] not in got]
        assert answered == {user_id: page(user_id=user_id) for user_id in users}
    assert [each.conversation_id for each in page().runs] == sorted(names)[:200]


def test_pages_read_together_are_bounded_in_bytes(any_database: str) -> None:
    """What does not fit is read next time, and each page is as large as it would be alone."""
    users = range(ME, ME + 15)
    for user_id in users:
        fill(1, 12, "\x01" * MAX_CONTENT, user_id=user_id)
    left: list[Asked] = [(user_id, None) for user_id in users]
    found = read(backlog.pages, asked=left)
    assert sum(weight(one) for one in found if one) <= 10 * 256 * 1024
    assert len([one for one in found if one]) >= 10
    assert found[-1] is None
    rest = read(backlog.pages, asked=[each for each, one in zip(left, found, strict=True) if one is None])
    whole = [one for one in (*found, *rest) if one]
    assert [len(one.messages) for one in whole] == [8] * 15
