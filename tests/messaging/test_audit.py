"""Tests that the auditor finds rows broken by hand and repairs them."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from db import session as database
from db.conversation import Conversation
from db.head import Head
from db.message import Message
from db.outbox import OutboxEvent
from db.session import write
from db.tables import metadata
from messaging.audit import all_conversations, audit, sample
from messaging.audit import looks_wrong as look
from messaging.conversation_update import arrange
from messaging.delete import delete_for_oneself
from messaging.drift import WHOLE, Audited, Drift, Part
from messaging.errors import Code
from messaging.read import read
from messaging.recall import recall
from messaging.status import Status
from tests.messaging.conftest import (
    ALICE,
    BOB,
    CAROL,
    befriend,
    drain,
    events,
    head,
    messages,
    nothing_drifts,
    project,
    prove,
    refusal,
    set_message,
    set_view,
    store_many,
    stored,
    view,
)
from tests.messaging.conftest import read as ask


def audited(*, repair: bool = False, later: int = 0) -> Audited:
    """Returns what an audit finds, `later` seconds from now."""
    after = timedelta(seconds=later)
    return write(lambda session, now: audit(session, now + after, conversation_id="1_2", repair=repair))


def looks_wrong(name: str = "1_2", *, part: Part = WHOLE) -> bool:
    """Returns what is found without a lock."""
    return database.read(look, conversation_id=name, part=part)


def found(*, repair: bool = False) -> dict[tuple[int, str], tuple[Any, Any]]:
    """Returns the drift as (user, what) → (stored, right)."""
    return {(each.user_id, each.what): (each.stored, each.right) for each in audited(repair=repair).drift}


def is_repaired() -> None:
    """Fails unless the drift is found again until it is repaired, and then no more."""
    before = found()
    assert before, "looking repairs nothing"
    assert looks_wrong()
    assert found(repair=True) == before
    drain()
    assert audited() == Audited([], None)
    assert not looks_wrong()


@pytest.fixture
def three(pair: str) -> list[dict[str, Any]]:
    """Send three messages from Alice, all delivered, the first read by Bob, with no event left. Returns Messages."""
    sent = store_many(ALICE, BOB, 3)
    drain()
    prove(BOB, 0, 3)
    write(read, user_id=BOB, conversation_id="1_2", message_id=sent[0]["id"])
    drain()
    return sent


def test_nothing_is_found_when_nothing_is_wrong(three: list[dict[str, Any]]) -> None:
    assert audited() == Audited([], None)
    write(recall, user_id=ALICE, message_id=three[1]["id"])
    write(delete_for_oneself, user_id=BOB, message_id=three[2]["id"])
    assert audited() == Audited([], None), "also while events wait"
    assert not looks_wrong()
    drain()
    nothing_drifts()
    assert not looks_wrong()


@pytest.mark.parametrize(
    ("broken", "right"),
    [
        ({"unread_count": 7}, 2),
        ({"unread_count": 0}, 2),
        ({"unread_count": -1}, 2),
        ({"last_message_id": 1}, 3),
        ({"last_message_id": None}, 3),
        ({"delivered_seq": 0}, 1),
        ({"delivered_seq": 9}, 3),
        ({"last_seq": 9}, 3),
    ],
    ids=str,
)
def test_a_column_that_drifted(three: list[dict[str, Any]], broken: dict[str, Any], right: Any) -> None:
    set_view(BOB, **broken)
    ((what, stored_value),) = broken.items()
    assert found() == {(BOB, what): (stored_value, right)}
    is_repaired()
    assert getattr(view(BOB), what) == right


def test_read_beyond_the_end(three: list[dict[str, Any]]) -> None:
    set_view(BOB, read_seq=9, unread_count=0)
    assert found()[BOB, "read_seq"] == (9, 3)
    is_repaired()
    assert (view(BOB).read_seq, view(BOB).delivered_seq, view(BOB).unread_count) == (3, 3, 0)


def test_everything_at_once(three: list[dict[str, Any]]) -> None:
    wrong = {"unread_count": 5, "last_seq": 8, "read_seq": 7, "delivered_seq": 0, "last_message_id": 1}
    for user in (ALICE, BOB):
        set_view(user, **wrong)
    assert len(found()) >= 8
    is_repaired()


def test_a_count_that_forgot_a_recall(three: list[dict[str, Any]]) -> None:
    set_message(three[2], status=Status.RECALLED)
    assert found() == {(BOB, "unread_count"): (2, 1)}
    is_repaired()


def test_a_row_that_is_gone(three: list[dict[str, Any]]) -> None:
    write(lambda session, _: session.execute(delete(Conversation).where(Conversation.user_id == BOB)))
    assert looks_wrong()
    audited(repair=True)
    drain()
    assert (view(BOB).last_seq, view(BOB).last_message_id) == (3, 3)
    assert audited() == Audited([], None)


def test_a_lost_event_is_told_again(three: list[dict[str, Any]]) -> None:
    store_many(ALICE, BOB, 2)
    write(lambda session, _: session.execute(delete(OutboxEvent)))
    assert found() == {(ALICE, "events"): (3, 5), (BOB, "events"): (3, 5)}
    assert looks_wrong()
    assert audited(repair=True).shard == head().shard
    told = drain()
    assert {each.content["seq"] for each in told} == {4, 5}
    assert (view(BOB).unread_count, view(BOB).last_seq) == (4, 5)
    assert audited() == Audited([], None)


def test_a_drain_that_has_not_come_is_no_drift(three: list[dict[str, Any]]) -> None:
    store_many(ALICE, BOB, 2)
    assert audited() == Audited([], None)
    project()
    assert audited() == Audited([], None)


@pytest.mark.parametrize(("later", "old"), [(9, False), (12, True)])
def test_an_event_that_waits_too_long(three: list[dict[str, Any]], later: int, old: bool) -> None:
    stored(ALICE, BOB)
    done = audited(later=later)
    assert [(each.user_id, each.what, each.right) for each in done.drift] == ([(0, "outbox age", 0)] if old else [])
    assert done.shard == (head().shard if old else None)
    drain()
    assert audited(later=later) == Audited([], None)


def test_a_hole_becomes_a_tombstone(three: list[dict[str, Any]]) -> None:
    write(lambda session, _: session.execute(delete(Message).where(Message.id == three[1]["id"])))
    assert found()[0, "seqs"] == (2, 3)
    is_repaired()
    assert [(message.seq, message.status) for message in sorted(messages(), key=lambda each: each.seq)] == [
        (1, 3),
        (2, 5),
        (3, 1 + 1),
    ]
    assert view(BOB).unread_count == 1


def test_a_hole_at_the_end_does_not_lower_the_end(three: list[dict[str, Any]]) -> None:
    write(lambda session, _: session.execute(delete(Message).where(Message.id == three[2]["id"])))
    audited(repair=True)
    drain()
    assert audited() == Audited([], None)
    assert (view(BOB).last_seq, head().last_seq, view(BOB).last_message_id) == (3, 3, 2)
    assert stored(ALICE, BOB)["seq"] == 4


def test_a_head_left_behind(three: list[dict[str, Any]]) -> None:
    write(lambda session, _: session.execute(update(Head).values(last_seq=1)))
    assert found() == {(0, "head last_seq"): (1, 3)}
    is_repaired()
    assert stored(ALICE, BOB)["seq"] == 4


def test_of_a_long_conversation_a_part_is_counted(pair: str) -> None:
    sent = store_many(ALICE, BOB, 20)
    drain()
    write(lambda session, _: session.execute(delete(Message).where(Message.id == sent[4]["id"])))
    set_view(BOB, unread_count=7)
    for place, seqs in ((0.0, (9, 10)), (0.5, None), (1.0, None)):
        part = Part(most=10, place=place)
        drift = write(audit, conversation_id="1_2", repair=False, part=part).drift
        assert [(each.stored, each.right) for each in drift] == ([seqs] if seqs else []), "20 unread are not counted"
        assert looks_wrong(part=part) == bool(seqs)
    assert found()[0, "seqs"] == (19, 20)
    assert found()[BOB, "unread_count"] == (7, 19)


def test_looking_without_a_lock_takes_none(three: list[dict[str, Any]], statements: list[str]) -> None:
    assert not looks_wrong()
    assert statements
    assert not [each for each in statements if "FOR UPDATE" in each or each.startswith(("INSERT", "UPDATE", "SAVE"))]


def test_it_says_whose_drift_it_is(three: list[dict[str, Any]]) -> None:
    set_view(ALICE, unread_count=1)
    assert audited().drift == [Drift("1_2", ALICE, "unread_count", 1, 0)]


def test_another_conversation_is_left_alone(three: list[dict[str, Any]]) -> None:
    befriend(ALICE, CAROL)
    stored(ALICE, CAROL)
    drain()
    set_view(CAROL, "1_3", unread_count=9)
    assert audited(repair=True) == Audited([], None)
    assert view(CAROL, "1_3").unread_count == 9


def test_repairing_what_is_right_writes_nothing(three: list[dict[str, Any]], statements: list[str]) -> None:
    audited(repair=True)
    assert not [each for each in statements if each.startswith(("INSERT", "UPDATE"))]
    assert events() == []


def everything() -> dict[str, list[Any]]:
    """Returns every row of every table."""
    return {
        name: ask(lambda session, table=table: session.execute(table.select().order_by(*table.primary_key)).all())
        for name, table in metadata.tables.items()
    }


@pytest.mark.parametrize("name", ["1_2", "1_3", "2_3"], ids=["drifted", "seen by one", "headless"])
def test_looking_writes_nothing(three: list[dict[str, Any]], name: str) -> None:
    set_view(BOB, unread_count=7)
    befriend(ALICE, CAROL)
    write(arrange, user_id=ALICE, conversation_id="1_3", is_top=True)
    befriend(BOB, CAROL)
    stored(BOB, CAROL)
    write(lambda session, _: session.execute(delete(Head).where(Head.conversation_id == "2_3")))
    before = everything()
    write(audit, conversation_id=name, repair=False)
    assert looks_wrong(name)
    assert everything() == before


def test_a_conversation_that_nobody_has_is_refused_and_not_made(three: list[dict[str, Any]]) -> None:
    before = everything()
    for repair in (False, True):
        rule = partial(audit, conversation_id="8_9", repair=repair)
        assert refusal(lambda rule=rule: write(rule)) == Code.NO_SUCH_CONVERSATION  # type: ignore[misc]
    assert everything() == before


def test_conversations_are_walked_in_pages(three: list[dict[str, Any]]) -> None:
    befriend(ALICE, CAROL)
    befriend(BOB, CAROL)
    messages_of = [stored(ALICE, CAROL), stored(BOB, CAROL)]

    def page(after: str) -> list[str]:
        return ask(lambda session: all_conversations(session, messages()[0].create_time, after=after, limit=2))

    assert (page(""), page("1_3"), page("2_3")) == (["1_2", "1_3"], ["2_3"], [])
    ids = [message["id"] for message in (*three, *messages_of)]
    names = ask(lambda session: sample(session, messages()[0].create_time, message_ids=[*ids, 999]))
    assert sorted(names) == ["1_2", "1_3", "2_3"]


def test_a_name_that_is_no_conversation_is_found_and_stops_nothing(three: list[dict[str, Any]]) -> None:
    write(lambda session, _: session.execute(insert(Head), [{"conversation_id": "group_5", "shard": 1}]))
    done = write(audit, conversation_id="group_5", repair=True)
    assert done.drift == [Drift("group_5", 0, "conversation_id", "group_5", None)]
