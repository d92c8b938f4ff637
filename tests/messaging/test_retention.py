"""Tests that retention removes what is due and nothing else, and that tables stay right after it."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import Row, update

from db import session as database
from db.mention import Mention
from db.message import Message
from db.outbox_parked import Parked
from db.session import write
from messaging import retention
from messaging.conversation_id import group
from messaging.delete import delete_for_everyone, delete_for_oneself
from messaging.errors import Code, Refused
from messaging.history import history
from messaging.read import read as mark_read
from messaging.recall import recall
from messaging.send import Sent
from messaging.status import Status
from messaging.sync import sync
from tests import groups
from tests.messaging.conftest import (
    ALICE,
    BOB,
    CAROL,
    draft,
    drain,
    events,
    last_message,
    messages,
    nothing_drifts,
    prove,
    read,
    refusal,
    set_message,
    store,
    stored,
    view,
)
from tests.messaging.uploads import carrying, is_used, upload, uses

KEPT = 30 * 86_400
LONG_AGO = datetime.fromisoformat("2020-01-01")  # UTC, as the tables hold it
PAGE = 5_000
DEFAULTS = {"kept": KEPT, "withdrawn_kept": 3_600}


def retain(page: int = PAGE, **kept: int) -> tuple[int, int]:
    """Look at all messages. Returns how many were removed, and how many texts were wiped."""
    removed = wiped = 0
    after: int | None = 0
    while after is not None:
        due = database.read(retention.due, after=after, page=page, **DEFAULTS | kept)
        removed += sum(write(retention.remove, messages=rows) for rows in due.old.values())
        wiped += write(retention.wipe, ids=due.withdrawn) if due.withdrawn else 0
        after = due.upto
    return removed, wiped


def old(*some: dict[str, Any]) -> None:
    """Let messages have been sent long ago."""
    for message in some:
        set_message(message, create_time=LONG_AGO)


def texts() -> list[tuple[str, str | None]]:
    return [(message.content, message.extra) for message in messages()]


def test_zero_keeps_all(pair: str) -> None:
    sent = [stored(ALICE, BOB, "one"), stored(ALICE, BOB, "two")]
    set_message(sent[1], status=Status.RECALLED, update_time=LONG_AGO)
    old(*sent)
    assert (retain(kept=0, withdrawn_kept=0), texts()) == ((0, 0), [("one", None), ("two", None)])


@pytest.mark.parametrize("page", [1, 2, PAGE])
def test_what_is_too_old_becomes_a_tombstone_of_which_clients_hear(pair: str, page: int) -> None:
    sent = [stored(ALICE, BOB, content, extra='{"a":1}') for content in ("one", "two", "three")]
    drain()
    old(*sent[:2])
    assert retain(page) == (2, 0)
    assert texts() == [("", None), ("", None), ("three", '{"a":1}')]
    told = drain()
    assert [(each.kind, each.content["seq"], each.content["content"]) for each in told] == [
        ("message_deleted", 1, ""),
        ("message_deleted", 2, ""),
    ]
    (changed,) = database.read(sync, user_id=BOB, heads={"1_2": 3}, changes={"1_2": 3}).conversations
    assert [(each["seq"], each["status"]) for each in changed.messages] == [(1, 5), (2, 5)]
    assert view(BOB).unread_count == 1
    nothing_drifts()
    assert retain() == (0, 0)


def test_the_last_message_of_a_pair_goes_from_its_list(pair: str) -> None:
    old(stored(ALICE, BOB))
    drain()
    retain()
    drain()
    assert (last_message(BOB), view(BOB).unread_count) == ((None, None), 0)
    nothing_drifts()


def test_a_message_that_no_worker_has_seen_yet_is_removed_and_nothing_is_parked(pair: str) -> None:
    old(stored(ALICE, BOB, "one"))
    retain()
    told = drain()
    assert {each.content["content"] for each in told} == {""}
    assert (events(), read(lambda session: session.query(Parked).count())) == ([], 0)
    nothing_drifts()


def test_a_repeat_of_what_was_removed_or_wiped_is_told_as_one(pair: str) -> None:
    keys = ("removed", "recalled", "older than hashes")
    sent = [stored(ALICE, BOB, key, client_msg_id=key) for key in keys]
    old(sent[0], sent[2])
    set_message(sent[1], status=Status.RECALLED, update_time=LONG_AGO)
    set_message(sent[2], body_hash=None)
    assert retain() == (2, 1)
    answers = store(*(draft(ALICE, BOB, key, client_msg_id=key) for key in keys))
    assert [(each.duplicate, each.message["status"]) for each in answers if isinstance(each, Sent)] == [
        (True, 5),
        (True, 4),
        (True, 5),
    ]
    (other,) = store(draft(ALICE, BOB, "another", client_msg_id="removed"))
    assert isinstance(other, Refused)
    assert other.code == Code.CLIENT_MSG_ID_REUSED


def test_a_text_taken_back_is_wiped_after_its_time_and_clients_see_no_change(pair: str) -> None:
    sent = [stored(ALICE, BOB, content, client_msg_id=content) for content in ("one", "two", "three", "four")]
    write(recall, user_id=ALICE, message_id=sent[0]["id"])
    write(delete_for_everyone, user_id=ALICE, message_id=sent[1]["id"])
    write(recall, user_id=ALICE, message_id=sent[2]["id"])
    for message in sent[:2]:
        set_message(message, update_time=LONG_AGO)
    set_message(sent[1], body_hash=None)
    drain()
    before = database.read(history, user_id=BOB, conversation_id="1_2").messages
    assert retain() == (0, 2)
    assert [content for content, _ in texts()] == ["", "", "three", "four"]
    after = database.read(history, user_id=BOB, conversation_id="1_2").messages
    assert [each | {"update_time": 0} for each in after] == [each | {"update_time": 0} for each in before]
    assert events() == []
    assert retain() == (0, 0)
    (again,) = store(draft(ALICE, BOB, "two", client_msg_id="two"))
    assert isinstance(again, Sent)
    assert again.duplicate
    nothing_drifts()


def test_a_message_in_use_again_is_not_wiped(pair: str) -> None:
    sent = stored(ALICE, BOB, "one")
    assert (write(retention.wipe, ids=[sent["id"]]), texts()) == (0, [("one", None)])


def test_what_was_deleted_since_it_was_found_is_not_deleted_again(pair: str) -> None:
    sent = stored(ALICE, BOB, "one")
    old(sent)
    found = database.read(retention.due, after=0, page=PAGE, **DEFAULTS)
    write(delete_for_everyone, user_id=BOB, message_id=sent["id"])
    change_seq = messages()[0].change_seq
    rows: list[Row[Any]] = list(found.old["1_2"])
    assert write(retention.remove, messages=rows) == 0
    assert messages()[0].change_seq == change_seq


def test_a_removed_message_carries_no_upload_and_can_not_be_recalled(pair: str) -> None:
    media_id = upload(ALICE)
    sent = stored(ALICE, BOB, **carrying(media_id))
    old(sent)
    retain()
    assert (uses(media_id), is_used(media_id)) == ([], False)
    assert refusal(lambda: write(recall, user_id=ALICE, message_id=sent["id"])) == Code.ALREADY_WITHDRAWN
    drain()
    nothing_drifts()


def test_in_a_group_unread_counts_mentions_and_last_message_stay_right(pair: str) -> None:
    made = groups.made(ALICE, BOB, CAROL)
    name = group(made)
    drafts = [draft(ALICE, 0, content, group_id=made) for content in ("one", "two")]
    drafts.append(draft(ALICE, 0, "@bob", group_id=made, mentions=(BOB,), extra=f'{{"mentions":[{BOB}]}}'))
    sent = [each.message for each in store(*drafts) if isinstance(each, Sent)]
    write(mark_read, user_id=CAROL, conversation_id=name, message_id=sent[1]["id"])
    write(delete_for_oneself, user_id=BOB, message_id=sent[0]["id"])
    write(lambda session, _: session.execute(update(Message).values(create_time=LONG_AGO)))
    assert retain() == (3, 0)
    assert messages()[0].status == Status.SENT, "what happened in the group stays"
    assert read(lambda session: session.query(Mention).count()) == 0
    drain()
    nothing_drifts(name)
    assert last_message(CAROL)[0] == messages()[0].id


class Life:
    """Random acts in a pair and a group. `aged` are the ids of the messages that are too old and were not recalled."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.group_id = groups.made(ALICE, BOB, CAROL)
        self.users = {"1_2": (ALICE, BOB), group(self.group_id): (ALICE, BOB, CAROL)}
        self.sent: list[dict[str, Any]] = []
        self.aged: set[int] = set()

    def act(self) -> None:
        """Do one thing, most often send."""
        some = [self.send] * 4 + [self.age, self.recall, self.hide, self.read, self.prove]
        self.random.choice([*some, drain, lambda: retain(page=self.random.choice([1, 3, PAGE]))])()

    def send(self) -> None:
        user, content = self.random.choice((ALICE, BOB)), f"secret {len(self.sent)}"
        some = [draft(user, ALICE + BOB - user, content), draft(user, 0, content, group_id=self.group_id)]
        (answer,) = store(self.random.choice(some))
        assert isinstance(answer, Sent)
        self.sent.append(answer.message)

    def age(self) -> None:
        for message in self.random.sample(self.sent, min(2, len(self.sent))):
            old(message)
            self.aged.add(message["id"])

    def recall(self) -> None:
        standing = {each.id for each in messages() if each.status < Status.RECALLED} - self.aged
        for message in self.sent[-1:]:
            if message["id"] in standing:
                write(recall, user_id=message["from_user_id"], message_id=message["id"])

    def hide(self) -> None:
        for message in self.sent[-1:]:
            write(delete_for_oneself, user_id=self.random.choice((ALICE, BOB)), message_id=message["id"])

    def read(self) -> None:
        drain()
        for message in self.sent[-1:]:
            reader = ALICE + BOB - message["from_user_id"]
            write(mark_read, user_id=reader, conversation_id=message["conversation_id"])

    def prove(self) -> None:
        drain()
        if any(message["conversation_id"] == "1_2" for message in self.sent):
            prove(BOB, 0, view(BOB).last_seq)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_nothing_drifts_and_nobody_reads_what_was_removed(pair: str, seed: int) -> None:
    life = Life(seed)
    for _ in range(40):
        life.act()
    drain()
    retain()
    drain()
    for name, users in life.users.items():
        nothing_drifts(name)
        shown = [each for user in users for each in _history(user, name)]
        assert {each["content"] for each in shown if each["id"] in life.aged} <= {""}
    assert not [each.id for each in messages() if each.id in life.aged and each.content]
    assert read(lambda session: session.query(Parked).count()) == 0


def _history(user_id: int, name: str) -> list[dict[str, Any]]:
    return list(database.read(history, user_id=user_id, conversation_id=name).messages)


def test_a_retained_message_is_a_month_old(pair: str) -> None:
    sent = stored(ALICE, BOB)
    now = database.read(lambda _, now: now)
    set_message(sent, create_time=now - timedelta(seconds=KEPT - 60))
    assert retain() == (0, 0)
    set_message(sent, create_time=now - timedelta(seconds=KEPT + 60))
    assert retain() == (1, 0)
