"""Tests of the rows that an upload makes: its bytes have one row, also when they come twice at once."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from db.blob import Blob, ThumbnailState
from db.media import Media
from db.session import write
from infra.settings import settings
from messaging.errors import Code, Refused
from messaging.media import MOST_A_DAY, Recorded, Upload, record, replace_bytes, require_room
from messaging.message_type import MessageType
from tests.messaging.conftest import ALICE, BOB, read
from tests.messaging.test_races import ROUNDS, Both, both

__all__ = ["both"]
MIB = 1024 * 1024


def upload(number: int, *, data: bytes = b"bytes", **fields: Any) -> Upload:
    """Returns an upload of Alice's whose bytes lie under a name of their own."""
    common = {
        **{"media_id": f"{number:032x}", "user_id": ALICE, "kind": MessageType.IMAGE, "content_type": "image/png"},
        **{"width": 3, "height": 2, "duration": 0, "name": f"{number + 10**6:032x}"},
    }
    return Upload(sha256=hashlib.sha256(data).digest(), size=len(data), **(common | fields))


def recorded(number: int, **fields: Any) -> Recorded:
    return write(record, upload=upload(number, **fields))


def blobs() -> list[Blob]:
    return read(lambda session: list(session.scalars(select(Blob).order_by(Blob.id))))


def test_an_upload_has_a_row_of_its_own_and_its_bytes_have_another(any_database: str) -> None:
    found = recorded(1)
    (media,) = read(lambda session: list(session.scalars(select(Media))))
    (blob,) = blobs()
    assert (media.user_id, media.kind, media.content_type, media.width, media.height) == (ALICE, 2, "image/png", 3, 2)
    assert (media.blob_id, media.sent, media.unused_since) == (blob.id, False, media.create_time)
    assert (blob.sha256, blob.size) == (hashlib.sha256(b"bytes").digest(), 5)
    assert (found.blob_id, found.name, blob.name) == (blob.id, upload(1).name, upload(1).name)


def test_the_same_bytes_keep_the_name_that_they_have(any_database: str) -> None:
    first, again, other = recorded(1), recorded(2, user_id=BOB), recorded(3, data=b"others")
    assert (again.blob_id, again.name) == (first.blob_id, first.name)
    assert other.blob_id != first.blob_id
    assert len(blobs()) == 2
    assert read(lambda session: session.scalar(select(func.count()).select_from(Media))) == 3


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [(MessageType.IMAGE, True), (MessageType.VIDEO, True), (MessageType.VOICE, False), (MessageType.FILE, False)],
)
def test_pictures_and_videos_want_a_thumbnail(database: str, kind: MessageType, wanted: bool) -> None:
    assert recorded(1, kind=kind).wants_thumbnail is wanted
    assert blobs()[0].thumbnail_state == (ThumbnailState.WANTED if wanted else ThumbnailState.NONE)


def test_bytes_that_came_as_a_file_want_a_thumbnail_when_they_come_as_a_picture(any_database: str) -> None:
    recorded(1, kind=MessageType.FILE)
    assert recorded(2).wants_thumbnail
    assert blobs()[0].thumbnail_state == ThumbnailState.WANTED


@pytest.mark.parametrize("state", [ThumbnailState.MADE, ThumbnailState.FAILED])
def test_a_thumbnail_is_not_asked_for_again(any_database: str, state: ThumbnailState) -> None:
    recorded(1)
    write(lambda session, _: session.execute(update(Blob).values(thumbnail_state=state.value)))
    assert not recorded(2).wants_thumbnail
    assert blobs()[0].thumbnail_state == state


def test_bytes_that_are_gone_are_replaced_once(any_database: str) -> None:
    blob = recorded(1)
    assert write(replace_bytes, blob_id=blob.blob_id, old=blob.name, new="b" * 32)
    assert not write(replace_bytes, blob_id=blob.blob_id, old=blob.name, new="c" * 32)
    assert not write(replace_bytes, blob_id=blob.blob_id + 1, old=blob.name, new="c" * 32)
    assert [each.name for each in blobs()] == ["b" * 32]


@pytest.fixture
def a_mebibyte_a_day(any_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIA_BYTES_A_DAY", str(MIB))
    settings.cache_clear()


def refused(rule: Callable[..., Any], **arguments: Any) -> Refused:
    with pytest.raises(Refused) as found:
        write(rule, **arguments)
    return found.value


@pytest.mark.usefixtures("a_mebibyte_a_day")
def test_a_user_uploads_so_much_a_day_and_no_byte_more() -> None:
    recorded(1, data=b"x" * (MIB - 3))
    recorded(2, data=b"abc")
    error = refused(record, upload=upload(3, data=b"d"))
    assert error.code is Code.TOO_MANY_REQUESTS
    assert error.retry_after is not None
    assert 86_000 < error.retry_after <= 86_400
    assert len(blobs()) == 2, "nothing is stored of what is refused"
    recorded(4, user_id=BOB, data=b"d")


@pytest.mark.usefixtures("a_mebibyte_a_day")
def test_bytes_count_for_a_day_also_those_that_were_there_already() -> None:
    recorded(1, data=b"x" * (MIB - 1), user_id=BOB)
    recorded(2, data=b"x" * (MIB - 1))
    assert refused(require_room, user_id=ALICE, size=2).code is Code.TOO_MANY_REQUESTS
    write(require_room, user_id=ALICE, size=1)
    age = timedelta(hours=23, minutes=59)
    write(lambda session, now: session.execute(update(Media).values(create_time=now - age)))
    wait = refused(require_room, user_id=ALICE, size=2).retry_after
    assert wait is not None
    assert 50 <= wait <= 60
    write(lambda session, now: session.execute(update(Media).values(create_time=now - timedelta(days=1))))
    write(require_room, user_id=ALICE, size=MIB)


@pytest.mark.usefixtures("a_mebibyte_a_day")
def test_more_than_a_day_may_hold_waits_for_a_day() -> None:
    assert refused(require_room, user_id=ALICE, size=MIB + 1).retry_after == 86_400


def test_a_user_uploads_so_often_a_day_however_little(any_database: str) -> None:
    blob_id = recorded(1).blob_id
    rows = [
        {"id": f"{number:032x}", "user_id": ALICE, "kind": 5, "blob_id": blob_id, "content_type": "image/png"}
        for number in range(2, MOST_A_DAY + 1)
    ]

    def add(session: Session, now: datetime) -> None:
        session.execute(insert(Media), [row | {"create_time": now - timedelta(hours=23)} for row in rows])

    write(add)
    error = refused(require_room, user_id=ALICE, size=1)
    assert error.code is Code.TOO_MANY_REQUESTS
    assert error.retry_after is not None
    assert 3_500 < error.retry_after <= 3_600
    write(require_room, user_id=BOB, size=1)
    write(lambda session, _: session.execute(delete(Media).where(Media.id == rows[0]["id"])))
    write(require_room, user_id=ALICE, size=1)


def test_the_same_bytes_at_once_are_stored_once(any_database: str) -> None:
    count = 8
    start = Barrier(count)

    def one(number: int) -> Recorded:
        start.wait(30)
        return recorded(number)

    with ThreadPoolExecutor(count) as threads:
        found = list(threads.map(one, range(count)))
    (blob,) = blobs()
    assert {each.name for each in found} == {blob.name}
    assert read(lambda session: session.scalar(select(func.count()).select_from(Media))) == count


def test_bytes_are_never_removed_under_a_new_upload(both: Both) -> None:
    """The upkeep locks a blob, sees that no upload names it, and deletes its row; here an upload comes meanwhile."""

    def clean(session: Session, _now: datetime) -> bool:
        ids = session.scalars(select(Blob.id).with_for_update()).all()
        if not ids or session.scalar(select(func.count()).select_from(Media)):
            return False
        session.execute(delete(Blob))
        return True

    for number in range(ROUNDS // 3):
        write(lambda session, _: [session.execute(delete(table)) for table in (Media, Blob)])
        row = {"sha256": upload(0).sha256, "size": 5, "name": "old", "thumbnail_state": 0, "thumbnail_attempts": 0}
        write(lambda session, now, row=row: session.execute(insert(Blob).values(**row, create_time=now)))
        found, removed = both(lambda session, now, n=number: record(session, now, upload=upload(n)), clean)
        (blob,) = blobs()
        (media,) = read(lambda session: list(session.scalars(select(Media))))
        assert (media.blob_id, blob.name) == (blob.id, found.name)
        assert (blob.name == "old") is not removed
