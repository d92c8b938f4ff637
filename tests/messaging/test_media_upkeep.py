"""Tests that media goes when nothing needs it, and never while something does."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from db.blob import Blob
from db.media import Media
from db.session import read, write
from infra.settings import settings
from messaging import media_upkeep
from messaging.media_upkeep import Removed
from messaging.message import unix
from tests import media
from tests.media import LONG_AGO
from tests.processes import wait_until

DAY = timedelta(days=1)


def remove_unused(limit: int = 100) -> Removed:
    return write(media_upkeep.remove_unused, limit=limit)


def now() -> datetime:
    return read(lambda _, now: now)


def test_what_no_message_has_carried_for_a_day_goes(any_database: str) -> None:
    old = now() - timedelta(seconds=settings().media_unused_seconds)
    blobs = [media.blob("a" * 32, thumbnail_name="b" * 32), media.blob()]
    media.upload(blobs[0], unused_since=old - timedelta(seconds=1))
    kept = media.upload(blobs[1], unused_since=old + timedelta(minutes=1))
    assert remove_unused() == Removed(1, 1, ("a" * 32, "b" * 32))
    assert (media.uploads(), media.blobs().keys()) == ({kept}, {blobs[1]})
    assert remove_unused() == Removed()


def test_what_a_message_carries_stays(any_database: str) -> None:
    carried = media.upload(media.blob(), unused_since=LONG_AGO)
    media.carry(carried, {"id": 7, "conversation_id": "1_2", "seq": 1})
    write(lambda session, _: session.execute(update(Media).values(unused_since=LONG_AGO)))  # which is wrong
    gone = media.upload(media.blob(), unused_since=LONG_AGO + DAY)
    assert remove_unused(limit=1).uploads == 1, "it holds up no other"
    assert carried in media.uploads()
    assert gone not in media.uploads()


def test_bytes_stay_while_another_upload_names_them(any_database: str) -> None:
    blob_id = media.blob()
    media.upload(blob_id, unused_since=LONG_AGO)
    other = media.upload(blob_id)
    assert remove_unused() == Removed(1, 0, ())
    assert (media.uploads(), media.blobs().keys()) == ({other}, {blob_id})


def test_the_bytes_of_two_uploads_go_once(any_database: str) -> None:
    blob_id = media.blob("a" * 32)
    for _ in range(2):
        media.upload(blob_id, unused_since=LONG_AGO)
    assert remove_unused() == Removed(2, 1, ("a" * 32,))


def test_a_run_removes_no_more_than_it_was_told(any_database: str) -> None:
    for days in range(3):
        media.upload(media.blob(), unused_since=LONG_AGO + days * DAY)
    assert [remove_unused(limit=2).uploads for _ in range(3)] == [2, 1, 0]


def test_bytes_that_no_upload_names_are_found_a_page_at_a_time(any_database: str) -> None:
    ids = [media.blob() for _ in range(5)]
    for blob_id in ids[::2]:
        media.upload(blob_id)
    found, last = read(media_upkeep.stray_blobs, after=0, limit=3)
    assert (found, last) == ([ids[1]], ids[2])
    assert read(media_upkeep.stray_blobs, after=last, limit=3) == ([ids[3]], 0)


def test_only_bytes_that_no_upload_names_are_removed(any_database: str) -> None:
    stray, kept = media.blob("a" * 32), media.blob()
    media.upload(kept)
    assert write(media_upkeep.remove_blobs, ids=[kept, stray, 99]) == Removed(0, 1, ("a" * 32,))
    assert media.blobs().keys() == {kept}


def test_only_names_that_no_row_has_had_for_a_day_are_unknown(any_database: str) -> None:
    media.blob("a" * 32, thumbnail_name="b" * 32)
    second, day = unix(now()), 86_400
    stored = [(letter * 32, second - 2 * day) for letter in "abcd"]
    recent = [("e" * 32, second - day + 60), ("f" * 32, second + 10 * day)]
    assert read(media_upkeep.unknown, stored=stored + recent) == ["c" * 32, "d" * 32]
    assert read(media_upkeep.unknown, stored=recent) == []
    assert read(media_upkeep.removable, stored=stored + recent) == ["c" * 32, "d" * 32]


def test_an_empty_database_knows_no_name_and_has_none_removed(database: str) -> None:
    stored = [("a" * 32, 1)]
    assert read(media_upkeep.unknown, stored=stored) == ["a" * 32]
    assert read(media_upkeep.removable, stored=stored) == []


def test_an_upload_that_is_being_sent_stays(mariadb_database: str) -> None:
    upload = media.upload(media.blob(), unused_since=LONG_AGO)

    def send(session: Session) -> None:
        session.execute(select(Media.id).where(Media.id == upload).with_for_update()).one()
        session.execute(update(Media).values(unused_since=None, sent=True))

    assert meanwhile(send, remove_unused) == Removed()
    assert media.uploads() == {upload}


def test_bytes_that_are_being_uploaded_again_stay(mariadb_database: str) -> None:
    blob_id = media.blob()
    media.upload(blob_id, unused_since=LONG_AGO)

    def upload(session: Session) -> None:
        session.execute(select(Blob.id).where(Blob.id == blob_id).with_for_update()).one()
        values = {"id": "new", "blob_id": blob_id, "user_id": 2, "kind": 2, "content_type": "image/png"}
        session.execute(insert(Media).values(values | {"create_time": LONG_AGO, "unused_since": now()}))

    assert meanwhile(upload, remove_unused) == Removed(1, 0, ())
    assert (media.uploads(), media.blobs().keys()) == ({"new"}, {blob_id})


def meanwhile(holding: Callable[[Session], None], then: Callable[[], Removed]) -> Removed:
    """Returns what a removal does that begins before the transaction of `holding` has ended."""
    with ThreadPoolExecutor() as pool:

        def rule(session: Session, _now: datetime) -> Future[Removed]:
            holding(session)
            waiting = pool.submit(then)
            wait_until(lambda: waits_for_a_lock() or waiting.done(), "it to wait for a lock")
            assert not waiting.done()
            return waiting

        return write(rule).result()


def waits_for_a_lock() -> bool:
    statement = "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'"
    ((_, waits),) = read(lambda session, _: session.connection().exec_driver_sql(statement).all())
    return int(waits) > 0


@pytest.mark.parametrize("at_once", [1, 2])
def test_two_may_run_at_once(mariadb_database: str, at_once: int) -> None:
    blobs = [media.blob() for _ in range(10)]
    for number in range(40):
        media.upload(blobs[number % 10], unused_since=LONG_AGO)
    with ThreadPoolExecutor() as pool:
        done = [pool.submit(lambda: [remove_unused(limit=7) for _ in range(10)]) for _ in range(at_once)]
        removed = [one for each in done for one in each.result()]
    names = [name for each in removed for name in each.names]
    assert (len(names), len(set(names)), sum(each.uploads for each in removed)) == (10, 10, 40)
    assert (media.uploads(), media.blobs()) == (set(), {})
