"""Tests of what is announced of a group: each message once, to its channel, whoever is in the group."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from db.outbox import Kind
from db.session import write
from messaging import outbox
from messaging.conversation_id import group
from messaging.delete import delete_for_everyone
from messaging.events import (
    Announcement,
    Event,
    GroupAnnouncement,
    GroupRead,
    MessageDeleted,
    MessageHidden,
    MessageRecalled,
    MessageUpdated,
    Told,
    ViewChanged,
)
from messaging.parked import MOST_ATTEMPTS, parked, retry
from messaging.recall import recall
from messaging.status import Status
from tests.groups import changed, made, said
from tests.messaging.conftest import (
    ALICE,
    BOB,
    CAROL,
    apply,
    befriend,
    drain,
    events,
    head,
    hide,
    publish,
    read,
    set_message,
    shards,
    stored,
    view,
)
from tests.messaging.test_events import lock_waits
from tests.processes import wait_until


@pytest.fixture
def name(any_database: str) -> str:
    """Make a group of Alice, Bob and Carol. Returns the id of its conversation."""
    return group(made(ALICE, BOB, CAROL))


def happen(conversation_id: str, event: type[Event], **fields: object) -> None:
    """Store an event of the group."""
    happened = event(conversation_id=conversation_id, change_seq=9, **fields)
    write(lambda session, now: outbox.append(session, now, [(head(conversation_id).shard, happened)]))


def test_a_message_is_told_once_to_all(name: str) -> None:
    first, second = said(name, BOB, "one", "two")
    assert drain() == [GroupAnnouncement("new_message", each, message=True) for each in (first, second)]
    assert events() == []


def test_a_message_changes_nobodys_row(name: str) -> None:
    before = [vars(view(user, name)) for user in (ALICE, BOB, CAROL)]
    said(name, BOB, "one")
    drain()
    after = [vars(view(user, name)) for user in (ALICE, BOB, CAROL)]
    for row in (*before, *after):
        row.pop("_sa_instance_state")
    assert after == before


def test_groups_and_pairs_are_told_together_each_in_their_order(name: str) -> None:
    befriend(ALICE, BOB)
    for content in ("1", "2"):
        said(name, BOB, content)
        stored(ALICE, BOB, content)
    told = drain(limit=3)
    assert [each.content["content"] for each in told if isinstance(each, GroupAnnouncement)] == ["1", "2"]
    assert [each.content["content"] for each in told if isinstance(each, Announcement)] == ["1", "2"]
    assert view(BOB).unread_count == 2


def test_who_came_and_went_is_told_with_the_message_that_says_so(name: str) -> None:
    dave = 4
    message = changed(name, ALICE, came=(dave,), went=(BOB, CAROL))
    assert drain() == [GroupAnnouncement("new_message", message, message=True, came=(dave,), went=(BOB, CAROL))]


def test_a_text_recalled_before_it_was_told_is_never_told(name: str) -> None:
    (message,) = said(name, BOB, "secret")
    applied = [apply(shard) for shard in shards()]
    hide(CAROL, message)
    set_message(message, status=Status.RECALLED)
    told: list[object] = []
    for each in applied:
        publish(each, told.extend)
    assert len(told) == 1
    assert "secret" not in str(told)


@pytest.mark.parametrize(
    ("event", "status", "frame"),
    [
        (MessageRecalled, Status.RECALLED, "message_recalled"),
        (MessageDeleted, Status.DELETED, "message_deleted"),
    ],
)
def test_a_withdrawal_is_told_to_all(name: str, event: type[Event], status: Status, frame: str) -> None:
    (message,) = said(name, BOB, "secret")
    drain()
    set_message(message, status=status)
    happen(name, event, message_id=message["id"], user_id=BOB)
    (told,) = drain()
    assert isinstance(told, GroupAnnouncement)
    assert (told.kind, told.message, told.content["status"]) == (frame, False, status)
    assert "secret" not in str(told)


@pytest.mark.parametrize(("event", "status"), [(MessageRecalled, Status.RECALLED), (MessageUpdated, Status.SENT)])
def test_a_message_that_changes_stays_hidden_from_those_who_have_hidden_it(
    name: str, event: type[Event], status: Status
) -> None:
    (message,) = said(name, BOB, "secret")
    drain()
    hide(CAROL, message)
    hide(ALICE, message)
    set_message(message, status=status)
    happen(name, event, message_id=message["id"], user_id=BOB)
    for_all, for_some = drain()
    assert isinstance(for_all, GroupAnnouncement)
    assert isinstance(for_some, GroupAnnouncement)
    assert (for_all.content["status"], for_all.only, for_all.blind) == (status, (), (ALICE, CAROL))
    assert (for_some.content["status"], for_some.only, for_some.blind) == (Status.DELETED, (ALICE, CAROL), ())
    assert "secret" not in str(for_some)
    assert for_some.kind == for_all.kind


def test_what_one_does_for_oneself_is_told_to_oneself_alone(name: str) -> None:
    (message,) = said(name, BOB, "secret")
    drain()
    hide(CAROL, message)
    happen(name, MessageHidden, message_id=message["id"], user_id=CAROL)
    happen(name, ViewChanged, user_id=CAROL)
    hidden, arranged = drain()
    assert isinstance(hidden, Announcement)
    assert (hidden.user_ids, hidden.kind, hidden.content["content"]) == ((CAROL,), "message_deleted", "")
    assert arranged == Announcement((CAROL,), "resync", {"conversation_id": name})


def test_reading_is_told_to_the_reader_and_the_authors(name: str) -> None:
    happen(name, GroupRead, user_id=CAROL, read_seq=3, origin="here", authors=(ALICE, BOB))
    content = {"conversation_id": name, "user_id": CAROL, "read_seq": 3, "message_id": None, "change_seq": 0}
    assert drain() == [
        Announcement((CAROL,), "read_receipt", content, origin="here"),
        GroupAnnouncement("read_receipt", content, only=(ALICE, BOB), seq=3),
    ]


def test_reading_without_an_author_to_tell_is_told_to_the_reader_alone(name: str) -> None:
    happen(name, GroupRead, user_id=CAROL, read_seq=3, origin="here")
    (told,) = drain()
    assert isinstance(told, Announcement)
    assert told.user_ids == (CAROL,)


def test_a_change_without_its_message_is_parked_and_told_when_it_is_put_back(name: str) -> None:
    message = changed(name, ALICE, went=(BOB,))
    set_message(message, id=99)
    for _ in range(MOST_ATTEMPTS):
        assert drain_once() == []
    ((id_, kind),) = [(each.id, each.kind) for each in read(lambda session: parked(session, None, limit=9))]
    assert (kind, events()) == (Kind.GROUP_CHANGED, [])
    set_message({"id": 99}, id=message["id"])
    write(retry, ids=[id_])
    assert drain() == [GroupAnnouncement("new_message", message, message=True, went=(BOB,))]


def drain_once() -> list[object]:
    """Returns what one batch of each shard announces."""
    told: list[object] = []
    for shard in shards():
        publish(apply(shard), told.extend)
    return told


@pytest.mark.parametrize("rule", [recall, delete_for_everyone])
def test_nothing_is_withdrawn_while_it_is_published(mariadb_database: str, rule: Any) -> None:
    (message,) = said(group(made(ALICE, BOB)), BOB, "secret")
    withdrawn: list[Future[Any]] = []

    with ThreadPoolExecutor(1) as pool:

        def an_owner_withdraws_it(_told: Sequence[Told]) -> None:
            if withdrawn:
                return  # what the drain tells now is the withdrawal, which has come meanwhile
            withdrawing = pool.submit(write, rule, user_id=ALICE, message_id=message["id"])
            withdrawn.append(withdrawing)
            wait_until(lambda: withdrawing.done() or lock_waits(), "a lock to be waited for")
            assert not withdrawing.done()

        first = drain(an_owner_withdraws_it, limit=1)[0]
    assert first.content["content"] == "secret"
    assert withdrawn[0].result().message.status > Status.READ


@pytest.mark.parametrize("rule", [recall, delete_for_everyone])
def test_publishing_waits_for_who_withdraws_a_message_and_tells_it_as_withdrawn(
    mariadb_database: str, rule: Any
) -> None:
    (message,) = said(group(made(ALICE, BOB)), BOB, "secret")
    applied = apply(*shards())
    told: list[Told] = []
    with ThreadPoolExecutor(1) as pool:

        def withdrawing(session: Session, now: datetime) -> Future[Any]:
            rule(session, now, user_id=ALICE, message_id=message["id"])
            published = pool.submit(publish, applied, told.extend)
            wait_until(lambda: published.done() or lock_waits(), "the drain to wait")
            assert not published.done()
            return published

        assert write(withdrawing).result().count == 1
    assert [(each.kind, each.content["status"] > Status.READ) for each in told] == [("new_message", True)]
    assert "secret" not in str(told)
