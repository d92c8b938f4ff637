"""Tests of wanted thumbnails: how often one is tried, who keeps it, and what a late one tells."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from db.blob import ThumbnailState
from db.outbox import Kind
from db.session import read, write
from messaging import thumbnails
from messaging.blob_messages import BEGINNING, Place
from messaging.conversation_id import group
from messaging.events import Announcement, GroupAnnouncement
from messaging.recall import recall
from messaging.status import Status
from messaging.sync import sync
from tests import groups, media
from tests.messaging.conftest import (
    ALICE,
    BOB,
    CAROL,
    befriend,
    drain,
    events,
    head,
    hide,
    messages,
    nothing_drifts,
    set_message,
    store_many,
    stored,
)

WEBP = "f" * 32


def begin(blob_id: int) -> thumbnails.Wanted | None:
    return write(thumbnails.begin, blob_id=blob_id)


def keep(blob_id: int, name: str) -> bool:
    return write(thumbnails.keep, blob_id=blob_id, name=name, thumbnail_name=WEBP)


def tell(blob_id: int) -> int:
    """Tell all. Returns the number of transactions."""
    place: Place | None = BEGINNING
    for transactions in count():
        if place is None:
            return transactions
        _, place = write(thumbnails.tell, blob_id=blob_id, after=place)
    raise AssertionError


def carried(*messages: dict[str, Any], **fields: Any) -> int:
    """Returns the id of bytes with a wanted thumbnail, that these messages carry."""
    blob_id = media.wanted()
    media.carry(media.upload(blob_id, **fields), *messages)
    return blob_id


def test_each_try_counts_before_it_is_made(any_database: str) -> None:
    blob_id = media.wanted("a" * 32, size=9)
    media.upload(blob_id, content_type="image/gif")
    assert begin(blob_id) == thumbnails.Wanted("a" * 32, 9, "image/gif", 1, made=False)
    found = begin(blob_id)
    assert found
    assert (found.tries, media.blobs()[blob_id].thumbnail_attempts) == (2, 2)


def test_a_try_that_was_put_off_does_not_count(any_database: str) -> None:
    blob_id = media.wanted()
    media.upload(blob_id)
    begin(blob_id)
    write(thumbnails.put_off, blob_id=blob_id)
    assert media.blobs()[blob_id].thumbnail_attempts == 0


@pytest.mark.parametrize("state", set(ThumbnailState) - {ThumbnailState.WANTED})
def test_what_is_not_wanted_is_not_begun(database: str, state: ThumbnailState) -> None:
    blob_id = media.blob(thumbnail_state=state)
    media.upload(blob_id)
    assert begin(blob_id) is None
    assert begin(99) is None
    assert media.blobs()[blob_id].thumbnail_attempts == 0


def test_what_only_files_have_left_wants_no_thumbnail(any_database: str) -> None:
    """The picture's upload was removed, and another user has uploaded the same bytes as a file."""
    blob_id = media.wanted()
    media.upload(blob_id, kind=5)
    assert begin(blob_id) is None
    assert media.blobs()[blob_id].thumbnail_state == ThumbnailState.NONE


def test_of_two_that_made_it_the_first_keeps_it(any_database: str) -> None:
    blob_id = media.wanted("a" * 32)
    assert [keep(blob_id, "a" * 32) for _ in range(2)] == [True, False]


def test_a_thumbnail_of_bytes_that_are_gone_is_not_kept(any_database: str) -> None:
    """SQLite gives the ids of deleted rows out again."""
    blob_id = media.wanted("b" * 32)
    assert not keep(blob_id, "a" * 32)
    assert not keep(blob_id + 1, "a" * 32)
    assert media.blobs()[blob_id].thumbnail_name is None


def test_it_is_made_when_all_are_told(any_database: str) -> None:
    blob_id = media.wanted("a" * 32)
    media.upload(blob_id)
    keep(blob_id, "a" * 32)
    again = begin(blob_id)
    assert again
    assert again.made, "whoever told them has died"
    write(thumbnails.finish, blob_id=blob_id)
    assert media.blobs()[blob_id].thumbnail_state == ThumbnailState.MADE


def test_who_gives_up_gives_up_once(any_database: str) -> None:
    blob_id = media.wanted()
    assert [write(thumbnails.give_up, blob_id=blob_id) for _ in range(2)] == [True, False]
    assert media.blobs()[blob_id].thumbnail_state == ThumbnailState.FAILED
    write(thumbnails.finish, blob_id=blob_id)
    write(thumbnails.put_off, blob_id=blob_id)
    assert not keep(blob_id, media.blobs()[blob_id].name)
    assert media.blobs()[blob_id].thumbnail_state == ThumbnailState.FAILED


def test_what_was_made_is_not_given_up(any_database: str) -> None:
    blob_id = media.wanted("a" * 32)
    keep(blob_id, "a" * 32)
    assert not write(thumbnails.give_up, blob_id=blob_id)


def test_only_what_waits_too_long_is_overdue(any_database: str) -> None:
    waiting = [media.wanted(create_time=media.LONG_AGO) for _ in range(3)]
    media.wanted()
    media.blob(create_time=media.LONG_AGO)
    asked = {"older_than": timedelta(minutes=1), "limit": 2}
    assert read(thumbnails.overdue, after=0, **asked) == waiting[:2]
    assert read(thumbnails.overdue, after=waiting[1], **asked) == waiting[2:]


def test_a_pair_is_told_of_a_late_thumbnail(pair: str) -> None:
    message = stored(ALICE, BOB)
    drain()
    assert tell(carried(message)) == 1
    (told,) = drain()
    assert isinstance(told, Announcement)
    assert (told.user_ids, told.kind, told.message) == ((ALICE, BOB), "message_updated", False)
    assert told.content == message | {"change_seq": 2, "update_time": told.content["update_time"]}
    assert (head().change_seq, head().last_seq) == (2, 1)
    nothing_drifts()


def test_sync_has_what_a_late_thumbnail_has_changed(pair: str) -> None:
    first, _ = store_many(ALICE, BOB, 2)
    tell(carried(first))
    drain()
    (found,) = read(sync, user_id=BOB, heads={"1_2": 2}, changes={"1_2": 2}).conversations
    assert [(each["id"], each["change_seq"]) for each in found.messages] == [(first["id"], 3)]


def test_who_has_hidden_a_message_sees_nothing_of_it(pair: str) -> None:
    message = stored(ALICE, BOB, "secret")
    drain()
    hide(BOB, message)
    tell(carried(message))
    shown, hidden = drain()
    assert (shown.user_ids, shown.content["content"]) == ((ALICE,), "secret")
    assert (hidden.user_ids, hidden.content["status"], hidden.content["extra"]) == ((BOB,), Status.DELETED, None)


def test_a_group_is_told_of_a_late_thumbnail(any_database: str) -> None:
    name = group(groups.made(ALICE, BOB, CAROL))
    (message,) = groups.said(name, BOB, "a picture")
    drain()
    tell(carried(message))
    (told,) = drain()
    assert isinstance(told, GroupAnnouncement)
    assert (told.kind, told.content["id"], told.content["change_seq"]) == ("message_updated", message["id"], 3)
    assert (head(name).change_seq, head(name).last_seq) == (3, 2)


@pytest.mark.parametrize("status", [Status.RECALLED, Status.DELETED])
def test_nothing_is_told_of_what_was_withdrawn(pair: str, status: Status) -> None:
    message = stored(ALICE, BOB)
    drain()
    set_message(message, status=status)
    tell(carried(message))
    assert (events(), head().change_seq) == ([], 1)


def test_nothing_is_told_of_a_file_with_the_same_bytes(pair: str) -> None:
    message = stored(ALICE, BOB)
    tell(carried(message, kind=5))
    assert head().change_seq == 1


def test_many_messages_are_told_a_hundred_at_a_time(pair: str) -> None:
    befriend(ALICE, CAROL)
    both = [store_many(ALICE, friend, 60) for friend in (BOB, CAROL)]
    drain()
    blob_id = media.wanted()
    for messages_of in both:
        for _ in range(2):  # twice the same picture, uploaded anew
            media.carry(media.upload(blob_id), *messages_of[::2])
            messages_of.pop(0)
    assert tell(blob_id) == 2
    assert {each.kind for each in events()} == {Kind.UPDATED}
    assert sorted(each.message_id for each in events()) == [each.id for each in messages()]
    for name in ("1_2", "1_3"):
        numbers = [each.change_seq for each in messages() if each.conversation_id == name]
        assert sorted(numbers) == list(range(61, 121))
        nothing_drifts(name)


def test_many_uploads_that_no_message_carries_keep_nobody_from_being_told(
    pair: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbnails, "TOLD_TOGETHER", 3)
    message = stored(ALICE, BOB)
    blob_id = media.wanted()
    for digit in "12345":
        media.upload(blob_id, id=digit * 32)
    media.carry(media.upload(blob_id, id="6" * 32), message)
    tell(blob_id)
    assert events()[-1].kind == Kind.UPDATED


def test_it_is_told_while_messages_come_and_go(mariadb_database: str) -> None:
    befriend(ALICE, BOB)
    first = store_many(ALICE, BOB, 20)
    blob_id = carried(*first)

    def withdraw() -> None:
        for message in first[::4]:
            write(recall, user_id=ALICE, message_id=message["id"])

    def say() -> None:
        for _ in range(10):
            stored(BOB, ALICE)

    with ThreadPoolExecutor() as pool:
        done = [pool.submit(each) for each in (say, withdraw, lambda: tell(blob_id), lambda: tell(blob_id))]
        for each in done:
            each.result()
    numbers = [each.change_seq for each in messages()]
    assert len(set(numbers)) == len(numbers)
    assert max(numbers) <= head().change_seq
    assert sorted(each.change_seq for each in events()) == list(range(1, head().change_seq + 1))
    drain()
    nothing_drifts()
