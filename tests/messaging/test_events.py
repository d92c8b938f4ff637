"""Tests of events: applied in one transaction, published in the next as the data then stands, until that succeeds."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from db import session as database
from db.outbox import Kind, OutboxEvent
from db.session import engine, write
from messaging.conversation_update import arrange
from messaging.delete import delete_for_everyone, delete_for_oneself
from messaging.events import Announcement
from messaging.read import read
from messaging.recall import recall
from messaging.status import Status
from tests.messaging.conftest import (
    ALICE,
    BOB,
    CAROL,
    apply,
    befriend,
    draft,
    drain,
    events,
    hide,
    publish,
    publishing,
    set_message,
    shards,
    store,
    store_many,
    stored,
    view,
)
from tests.processes import wait_until
from workers.batches import Applied, Published


def drained(shard: int, limit: int = 300) -> list[Announcement]:
    """Returns what one batch of a drain announces."""
    told: list[Announcement] = []
    publish(apply(shard, limit=limit), told.extend)
    return told


def refuse(_announcements: Sequence[Announcement]) -> None:
    raise ConnectionError("Redis is away")


@pytest.fixture
def shard(pair: str) -> int:
    """Store a message from Alice to Bob. Returns the shard of its event."""
    stored(ALICE, BOB, "first")
    (found,) = shards()
    return found


def test_both_users_are_told_of_a_message(pair: str) -> None:
    message = stored(ALICE, BOB)
    (told,) = drain()
    assert told == Announcement((ALICE, BOB), "new_message", message, message=True)
    assert events() == []


def test_applying_comes_first_and_tells_nobody(shard: int) -> None:
    assert apply(shard).count == 1
    assert len(events()) == 1
    assert view(BOB).unread_count == 1


def test_publishing_takes_only_what_was_applied(shard: int) -> None:
    applied = apply(shard)
    stored(ALICE, BOB, "later")
    told: list[Announcement] = []
    publish(applied, told.extend)
    assert [each.content["content"] for each in told] == ["first"]
    assert [each.content["content"] for each in drained(shard)] == ["later"]


def test_an_empty_shard_has_nothing_to_do(pair: str) -> None:
    assert apply(0) == Applied(frozenset([0]))


def test_announcements_keep_the_order_of_events(pair: str) -> None:
    befriend(ALICE, CAROL)
    store(draft(ALICE, BOB, "1"), draft(BOB, ALICE, "2"), draft(ALICE, BOB, "3"))
    assert [told.content["content"] for told in drain(limit=2)] == ["1", "2", "3"]


def test_a_batch_takes_the_oldest(shard: int) -> None:
    store_many(ALICE, BOB, 4)
    assert apply(shard, limit=3).count == 3
    assert view(BOB).last_seq == 3
    assert [told.content["seq"] for told in drained(shard, limit=2)] == [1, 2]
    assert [event.message_id for event in events()] == [3, 4, 5]


def test_what_could_not_be_announced_stays(shard: int) -> None:
    with pytest.raises(ConnectionError):
        publish(apply(shard), refuse)
    assert len(events()) == 1
    assert [told.content["content"] for told in drained(shard)] == ["first"]
    assert events() == []


def test_what_a_drain_that_died_has_applied_is_published_by_the_next(shard: int) -> None:
    """It dies between its two transactions: the rows are right, and the events wait."""
    apply(shard)
    stored(ALICE, BOB, "second")
    assert [told.content["content"] for told in drained(shard)] == ["first", "second"]
    assert (view(BOB).unread_count, events()) == (2, [])


def test_what_another_drain_has_published_is_not_published_again(shard: int) -> None:
    stale = apply(shard, limit=1)
    stored(ALICE, BOB, "second")
    late = apply(shard)
    assert [told.content["content"] for told in drained(shard, limit=1)] == ["first"]
    told: list[Announcement] = []
    assert publish(stale, told.extend).count == 0
    assert told == []
    assert publish(late, told.extend).count == 1
    assert [each.content["content"] for each in told] == ["second"]
    assert view(BOB).unread_count == 2


def test_counts_stand_although_nothing_could_be_announced(pair: str) -> None:
    stored(ALICE, BOB)
    with pytest.raises(ConnectionError):
        drain(refuse)
    assert view(BOB).unread_count == 1
    drain()
    assert view(BOB).unread_count == 1


def test_an_event_with_the_id_of_one_that_is_gone_is_another(shard: int) -> None:
    """SQLite gives ids out again, once all events are deleted."""
    stale = apply(shard)
    (first,) = events()
    drained(shard)
    stored(ALICE, BOB, "second")
    write(lambda session, _: session.execute(update(OutboxEvent).values(id=first.id)))
    assert publish(stale).count == 0
    assert [told.content["content"] for told in drained(shard)] == ["second"]


@pytest.mark.parametrize("meanwhile", ["between", "while it publishes"])
def test_exactly_the_events_read_are_deleted(shard: int, meanwhile: str) -> None:
    """A smaller id can be committed later: its event, not yet read, must not be deleted with the others."""
    stored(ALICE, BOB, "second")
    drained(shard, limit=1)
    (known,) = events()
    late = {"id": known.id - 1, "shard": shard, "conversation_id": "1_2", "kind": Kind.SENT}
    applied = apply(shard)

    def another_commits(session: Session, now: datetime) -> None:
        row = late | {"message_id": known.message_id, "create_time": now}
        session.execute(insert(OutboxEvent), [row])

    def publishing_beside(session: Session, now: datetime) -> int:
        return publishing(applied, lambda _: another_commits(session, now))(session, now).count  # type: ignore[no-any-return]

    if meanwhile == "between":
        write(another_commits)
        assert publish(applied).count == 1
    else:
        assert write(publishing_beside) == 1
    assert [event.id for event in events()] == [known.id - 1]


def test_shards_do_not_touch_each_other(pair: str) -> None:
    befriend(ALICE, CAROL)
    store(draft(ALICE, BOB), draft(ALICE, CAROL))
    mine, other = (event.shard for event in events())
    assert mine != other
    assert [told.content["conversation_id"] for told in drained(mine)] == ["1_2"]
    assert [event.shard for event in events()] == [other]


def test_a_drain_waits_for_no_event_of_another_shard(mariadb_database: str) -> None:
    for friend in (BOB, CAROL):
        befriend(ALICE, friend)
    store(draft(ALICE, BOB), draft(ALICE, CAROL))
    mine, other = (event.shard for event in events())
    applied = apply(mine)
    with engine().connect() as holder:
        holder.execute(select(OutboxEvent.id).where(OutboxEvent.shard == other).with_for_update())
        with ThreadPoolExecutor(1) as pool:
            published = pool.submit(publish, applied)
            wait_until(lambda: published.done() or lock_waits(), "the drain to end, or to wait")
            assert published.done()
        holder.rollback()
    assert [event.shard for event in events()] == [other]


def test_a_shard_is_drained_by_one_at_a_time(mariadb_database: str) -> None:
    befriend(ALICE, BOB)
    stored(ALICE, BOB)
    (shard,) = shards()
    mine, others = apply(shard), apply(shard)
    beside: list[Any] = []

    def another_comes(_told: Sequence[Announcement]) -> None:
        told: list[Announcement] = []
        beside.extend([publish(others, told.extend), apply(shard), told])

    publish(mine, another_comes)
    assert beside == [Published(frozenset()), Applied(frozenset()), []]
    assert events() == []


@pytest.mark.parametrize("rule", [recall, delete_for_everyone])
def test_nothing_is_withdrawn_while_it_is_published(mariadb_database: str, rule: Any) -> None:
    befriend(ALICE, BOB)
    message = stored(ALICE, BOB, "secret")
    withdrawn: list[Future[Any]] = []

    with ThreadPoolExecutor(1) as pool:

        def somebody_withdraws_it(_told: Sequence[Announcement]) -> None:
            if withdrawn:
                return  # what the drain tells now is the withdrawal, which has come meanwhile
            withdrawing = pool.submit(write, rule, user_id=ALICE, message_id=message["id"])
            withdrawn.append(withdrawing)
            wait_until(lambda: withdrawing.done() or lock_waits(), "a lock to be waited for")
            assert not withdrawing.done()

        (told,) = drain(somebody_withdraws_it, limit=1)[:1]
    assert told.content["content"] == "secret"
    assert withdrawn[0].result().message.status in (Status.RECALLED, Status.DELETED)


def lock_waits() -> int:
    """Returns how many transactions wait for a row's lock now."""
    statement = text("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'")
    return int(database.read(lambda session, _: session.execute(statement).one()[1]))


@pytest.mark.parametrize("rule", [recall, delete_for_everyone])
def test_publishing_waits_for_who_withdraws_a_message_and_tells_it_as_withdrawn(
    mariadb_database: str, rule: Any
) -> None:
    befriend(ALICE, BOB)
    message = stored(ALICE, BOB, "secret")
    applied = apply(*shards())
    told: list[Announcement] = []
    with ThreadPoolExecutor(1) as pool:

        def withdrawing(session: Session, now: datetime) -> Future[Any]:
            rule(session, now, user_id=ALICE, message_id=message["id"])
            published = pool.submit(publish, applied, told.extend)
            wait_until(lambda: published.done() or lock_waits(), "the drain to wait")
            assert not published.done()
            return published

        assert write(withdrawing).result().count == 1
    assert [(each.kind, each.content["status"] > 3) for each in told] == [("new_message", True)]
    assert "secret" not in str(told)


@pytest.mark.parametrize("status", [Status.RECALLED, Status.DELETED])
@pytest.mark.parametrize("applied_before", [False, True])
def test_what_was_withdrawn_before_it_was_told_is_never_told(pair: str, status: Status, applied_before: bool) -> None:
    message = stored(ALICE, BOB, "secret", extra='{"also":"secret"}')
    (shard,) = shards()
    applied = apply(shard)
    set_message(message, status=status)
    told: list[Announcement] = []
    publish(applied if applied_before else apply(shard), told.extend)
    assert "secret" not in str(told)
    (each,) = told
    assert (each.content["seq"], each.content["status"], each.content["extra"]) == (1, status, None)


@pytest.mark.parametrize("known", Status)
@pytest.mark.parametrize("now", Status)
def test_a_message_is_told_with_the_status_that_it_has_now(pair: str, known: Status, now: Status) -> None:
    message, other = store_many(ALICE, BOB, 2)
    set_message(message, status=known)
    applied = apply(*shards())
    set_message(message, status=max(known, now))
    told: list[Announcement] = []
    publish(applied, told.extend)
    assert [each.content["status"] for each in told] == [max(known, now), Status.SENT]
    assert [each.content["seq"] for each in told] == [message["seq"], other["seq"]]


def test_what_one_hid_between_applying_and_publishing_is_a_tombstone(pair: str) -> None:
    message = stored(ALICE, BOB, "secret")
    applied = apply(*shards())
    hide(BOB, message)
    told: list[Announcement] = []
    publish(applied, told.extend)
    assert [(each.user_ids, each.content["status"]) for each in told] == [((ALICE,), 1), ((BOB,), 5)]


def test_who_hid_a_message_gets_its_tombstone(pair: str) -> None:
    message = stored(ALICE, BOB, "secret")
    hide(BOB, message)
    seen, tombstone = drain()
    assert (seen.user_ids, seen.content) == ((ALICE,), message)
    assert (tombstone.user_ids, tombstone.kind, tombstone.message) == ((BOB,), "new_message", True)
    assert (tombstone.content["seq"], tombstone.content["status"], tombstone.content["content"]) == (1, 5, "")


def test_a_message_that_both_hid_is_a_tombstone_for_both(pair: str) -> None:
    message = stored(ALICE, BOB)
    for user in (ALICE, BOB):
        hide(user, message)
    (told,) = drain()
    assert (told.user_ids, told.content["status"]) == ((ALICE, BOB), 5)


def changed(rule: Any, message: dict[str, Any], user_id: int) -> list[Announcement]:
    """Let a user recall or delete a message, and drain. Returns what is announced."""
    drain()
    write(rule, user_id=user_id, message_id=message["id"])
    return drain()


@pytest.mark.parametrize(
    ("rule", "kind", "status"),
    [(recall, "message_recalled", 4), (delete_for_everyone, "message_deleted", 5)],
    ids=["recall", "delete"],
)
def test_both_are_told_of_a_withdrawn_message(pair: str, rule: Any, kind: str, status: int) -> None:
    (told,) = changed(rule, stored(ALICE, BOB, "secret"), ALICE)
    assert (told.user_ids, told.kind, told.message) == ((ALICE, BOB), kind, False)
    assert (told.content["status"], told.content["seq"], told.content["change_seq"]) == (status, 1, 2)
    assert "secret" not in str(told)


def test_what_one_deleted_for_himself_is_told_to_him_alone(pair: str) -> None:
    (told,) = changed(delete_for_oneself, stored(ALICE, BOB, "secret"), BOB)
    assert (told.user_ids, told.kind) == ((BOB,), "message_deleted")
    assert (told.content["status"], told.content["content"]) == (5, "")


def test_a_recalled_message_that_one_hid_stays_a_tombstone_for_him(pair: str) -> None:
    message = stored(ALICE, BOB)
    hide(BOB, message)
    seen, tombstone = changed(recall, message, ALICE)
    assert (seen.user_ids, seen.content["status"]) == ((ALICE,), 4)
    assert (tombstone.user_ids, tombstone.content["status"]) == ((BOB,), 5)


@pytest.mark.parametrize("alone", [True, False])
def test_both_are_told_of_a_receipt_but_for_the_connection_it_came_from(pair: str, alone: bool) -> None:
    first, _ = store_many(ALICE, BOB, 2)
    drain()
    what = {"message_id": first["id"]} if alone else {"conversation_id": pair}
    write(read, user_id=BOB, origin="a connection", **what)
    (told,) = drain()
    assert (told.user_ids, told.kind, told.origin) == ((ALICE, BOB), "read_receipt", "a connection")
    assert told.content == {
        "conversation_id": pair,
        "user_id": BOB,
        "read_seq": 0 if alone else 2,
        "message_id": first["id"] if alone else None,
        "change_seq": 3,
    }


def test_an_arrangement_has_its_users_own_devices_sync(pair: str) -> None:
    write(arrange, user_id=BOB, conversation_id=pair, is_top=True)
    (told,) = drain()
    assert told == Announcement((BOB,), "resync", {"conversation_id": pair})
