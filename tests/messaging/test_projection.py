"""Tests that each message sent is applied to the conversation rows exactly once."""

from typing import Any

import pytest
from sqlalchemy import insert, update

from db.base import table
from db.conversation import Conversation
from db.outbox import OutboxEvent
from db.session import write
from messaging.delete import delete_for_everyone, delete_for_oneself
from messaging.events import ViewChanged
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
    project,
    set_message,
    set_view,
    shards,
    store,
    store_many,
    stored,
    view,
)


def counts(user_id: int) -> tuple[int, int, int]:
    """Returns a row's unread_count, last_seq and delivered_seq."""
    row = view(user_id)
    return row.unread_count, row.last_seq, row.delivered_seq


def test_a_message_is_unread_for_its_recipient_alone(pair: str) -> None:
    store_many(ALICE, BOB, 3)
    project()
    assert (counts(BOB), counts(ALICE)) == ((3, 3, 0), (0, 3, 3))


def test_a_new_row_knows_whose_it_is(pair: str) -> None:
    stored(ALICE, BOB)
    project()
    row = view(BOB)
    assert (row.user_id, row.friend_id, row.conversation_type, row.conversation_id) == (BOB, ALICE, 1, pair)
    assert (row.is_top, row.is_mute, row.del_state, row.read_seq) == (False, False, 0, 0)
    assert row.create_time == row.update_time


def test_the_newest_message_is_the_preview(pair: str) -> None:
    store_many(ALICE, BOB, 2)
    newest = stored(BOB, ALICE, "newest")
    project()
    for user in (ALICE, BOB):
        row = view(user)
        assert row.last_message_id == newest["id"]
        assert (row.last_seq, row.change_seq) == (3, 3)


def test_every_conversation_of_a_batch_is_counted_by_itself(pair: str) -> None:
    befriend(ALICE, CAROL)
    store(draft(ALICE, BOB), draft(CAROL, ALICE), draft(ALICE, BOB), draft(BOB, ALICE), draft(CAROL, ALICE))
    project()
    assert [view(BOB).unread_count, view(ALICE).unread_count] == [2, 1]
    assert [view(ALICE, "1_3").unread_count, view(CAROL, "1_3").unread_count] == [2, 0]


def test_an_event_applied_twice_changes_nothing(pair: str) -> None:
    store_many(ALICE, BOB, 2)
    project()
    set_view(BOB, unread_count=1, del_state=1, last_message_id=None, delivered_seq=1)
    columns = table(Conversation).columns.keys()
    before = {name: getattr(view(BOB), name) for name in columns}
    project()
    after = {name: getattr(view(BOB), name) for name in columns}
    del before["update_time"], after["update_time"]
    assert after == before


def test_events_of_which_some_are_known_add_only_the_others(pair: str) -> None:
    store_many(ALICE, BOB, 2)
    project()
    store_many(ALICE, BOB, 3)
    project()
    assert counts(BOB) == (5, 5, 0)


@pytest.mark.parametrize("limit", [1, 2])
def test_small_batches_count_the_same(pair: str, limit: int) -> None:
    store_many(ALICE, BOB, 5)
    drain(limit=limit)
    assert (counts(BOB), counts(ALICE)) == ((5, 5, 0), (0, 5, 5))


@pytest.mark.parametrize("status", [Status.READ, Status.RECALLED, Status.DELETED])
def test_a_message_changed_before_it_was_projected_is_not_counted(pair: str, status: Status) -> None:
    changed, _ = store_many(ALICE, BOB, 2)
    set_message(changed, status=status)
    project()
    assert counts(BOB) == (1, 2, 0)


@pytest.mark.parametrize("status", [Status.SENT, Status.DELIVERED])
def test_a_message_sent_or_delivered_is_counted(pair: str, status: Status) -> None:
    set_message(stored(ALICE, BOB), status=status)
    project()
    assert counts(BOB)[0] == 1


def test_a_message_hidden_before_it_was_projected_is_not_counted(pair: str) -> None:
    first, second = store_many(ALICE, BOB, 2)
    hide(BOB, second)
    project()
    assert counts(BOB) == (1, 2, 0)
    assert (view(BOB).last_message_id, view(ALICE).last_message_id) == (first["id"], second["id"])


def test_hiding_is_for_oneself_alone(pair: str) -> None:
    hide(ALICE, stored(ALICE, BOB))
    project()
    assert counts(BOB)[0] == 1


def test_a_message_read_before_it_was_projected_is_not_counted(pair: str) -> None:
    stored(ALICE, BOB)
    project()
    store_many(ALICE, BOB, 2)
    set_view(BOB, read_seq=2, unread_count=0)
    project()
    assert counts(BOB) == (1, 3, 0)


def test_a_system_message_is_never_unread(pair: str) -> None:
    set_message(stored(ALICE, BOB), message_type=0)
    project()
    assert counts(BOB) == (0, 1, 0)
    assert view(BOB).last_message_id, "but it is shown"


def test_a_deleted_message_is_no_preview(pair: str) -> None:
    first, second = store_many(ALICE, BOB, 2)
    set_message(second, status=Status.DELETED)
    project()
    assert (view(BOB).last_message_id, view(BOB).last_seq) == (first["id"], 2)


def test_a_recalled_message_is_a_preview(pair: str) -> None:
    message = stored(ALICE, BOB, "secret")
    set_message(message, status=Status.RECALLED)
    project()
    assert view(BOB).last_message_id == message["id"]


def test_a_row_holds_no_text_of_a_message(pair: str, statements: list[str]) -> None:
    stored(ALICE, BOB, "secret")
    statements.clear()
    project()
    assert not [each for each in statements if "content" in each and not each.startswith("SELECT")]
    assert (view(BOB).last_message_content, view(BOB).last_message_time) == (None, None)


def test_change_seq_follows_the_events(pair: str) -> None:
    message = stored(ALICE, BOB)
    project()
    change(recall, message, ALICE)
    assert [view(user).change_seq for user in (ALICE, BOB)] == [1, 1]
    project()
    assert [view(user).change_seq for user in (ALICE, BOB)] == [2, 2]


def test_a_late_event_lowers_no_change_seq(pair: str) -> None:
    stored(ALICE, BOB)
    project()
    set_view(BOB, change_seq=9)
    stored(ALICE, BOB)
    project()
    assert view(BOB).change_seq == 9


def test_what_one_hid_or_arranged_concerns_nobody_else(pair: str) -> None:
    message = stored(ALICE, BOB)
    project()
    change(delete_for_oneself, message, BOB)
    project()
    assert [view(user).change_seq for user in (ALICE, BOB)] == [1, 2]
    assert ViewChanged(conversation_id=pair, change_seq=3, user_id=ALICE).concerns((ALICE, BOB)) == (ALICE,)


@pytest.mark.parametrize("rule", [recall, delete_for_everyone, delete_for_oneself])
def test_a_change_is_counted_when_it_is_made_and_not_again(pair: str, rule: Any) -> None:
    """The rule itself has corrected the count under the row's lock, so its event must not."""
    first, _ = store_many(ALICE, BOB, 2)
    project()
    change(rule, first, ALICE if rule is recall else BOB)
    assert counts(BOB) == (1, 2, 0)
    for _ in range(2):
        project()
        assert counts(BOB) == (1, 2, 0)


@pytest.mark.parametrize("rule", [recall, delete_for_everyone, delete_for_oneself])
def test_a_change_before_the_message_was_projected_is_counted_once(pair: str, rule: Any) -> None:
    first, _ = store_many(ALICE, BOB, 2)
    change(rule, first, ALICE if rule is recall else BOB)
    assert counts(BOB) == (0, 0, 0)
    project()
    assert counts(BOB) == (1, 2, 0)


def test_a_change_does_not_bring_a_hidden_conversation_back(pair: str) -> None:
    message = stored(ALICE, BOB)
    project()
    set_view(BOB, del_state=1)
    change(recall, message, ALICE)
    project()
    assert view(BOB).del_state == 1


def change(rule: Any, message: dict[str, Any], user_id: int) -> None:
    """Let a user recall or delete a message."""
    write(rule, user_id=user_id, message_id=message["id"])


def test_sending_does_not_read(pair: str) -> None:
    stored(ALICE, BOB)
    stored(BOB, ALICE)
    project()
    assert (view(BOB).unread_count, view(BOB).read_seq) == (1, 0)


def test_own_messages_wait_for_no_device(pair: str) -> None:
    store_many(ALICE, BOB, 2)
    project()
    row = view(ALICE)
    assert (row.delivered_seq, row.undelivered) == (2, False)
    assert view(BOB).undelivered


def test_own_messages_after_one_not_delivered_leave_it_waiting(pair: str) -> None:
    stored(BOB, ALICE)
    stored(ALICE, BOB)
    project()
    row = view(ALICE)
    assert (row.delivered_seq, row.last_seq, row.undelivered) == (0, 2, True)


def test_own_messages_after_a_delivered_one_are_delivered(pair: str) -> None:
    stored(BOB, ALICE)
    project()
    set_view(ALICE, delivered_seq=1)
    stored(ALICE, BOB)
    project()
    assert view(ALICE).delivered_seq == 2


def test_a_hidden_conversation_returns_with_the_next_message(pair: str) -> None:
    stored(ALICE, BOB)
    project()
    moment = view(BOB).create_time
    for user in (ALICE, BOB):
        set_view(user, del_state=1, delete_time=moment)
    stored(ALICE, BOB)
    project()
    assert [(view(user).del_state, view(user).delete_time) for user in (ALICE, BOB)] == [(0, None)] * 2


def test_what_the_user_chose_stays(pair: str) -> None:
    stored(ALICE, BOB)
    project()
    set_view(BOB, is_top=True, is_mute=True, read_seq=1)
    before = view(BOB)
    stored(ALICE, BOB)
    project()
    after = view(BOB)
    assert (after.is_top, after.is_mute, after.read_seq, after.id) == (True, True, 1, before.id)


def test_the_rows_of_a_batch_are_written_in_one_statement(pair: str, statements: list[str]) -> None:
    store_many(ALICE, BOB, 3)
    project()
    statements.clear()
    stored(ALICE, BOB)
    project()
    assert len([each for each in statements if each.startswith("INSERT INTO im_conversation ")]) == 1


@pytest.mark.parametrize(
    "unreadable", [{"conversation_id": "group_05"}, {"conversation_id": "2_1"}, {"kind": 99}], ids=str
)
def test_what_cannot_be_applied_is_set_back_and_holds_up_no_other(pair: str, unreadable: dict[str, Any]) -> None:
    stored(ALICE, BOB)
    write(lambda session, _: session.execute(update(OutboxEvent).values(unreadable)))
    stored(ALICE, BOB)
    shard = shards()[-1]
    write(lambda session, _: session.execute(update(OutboxEvent).values(shard=shard)))
    applied = apply(shard)
    assert applied.projected
    (unread, read_) = events()
    assert (applied.count, [each.event_id for each in applied.failures]) == (2, [unread.id])
    assert [each.id for each in applied.projected.events] == [read_.id]
    assert [event.attempts for event in events()] == [1, 0]
    assert counts(BOB)[:2] == (1, 2)


def test_an_old_row_of_another_friend_is_left_alone(pair: str) -> None:
    befriend(BOB, CAROL)
    row: dict[str, Any] = {"conversation_id": "2_3", "user_id": BOB, "friend_id": CAROL, "unread_count": 7}
    write(lambda session, now: session.execute(insert(Conversation), [row | {"create_time": now, "update_time": now}]))
    stored(ALICE, BOB)
    project()
    assert (view(BOB, "2_3").unread_count, view(BOB, "2_3").last_seq) == (7, 0)
