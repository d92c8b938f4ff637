"""Tests that a wanted thumbnail is made or given up, whatever fails, and that it is told. Redis is always away here."""

import io
from pathlib import Path

import pytest
from PIL import Image
from prometheus_client import REGISTRY

from db.blob import Blob, ThumbnailState
from db.outbox import Kind
from db.session import write
from infra.media import Unavailable
from infra.settings import settings
from infra.storage import new_name, storage
from messaging import thumbnails
from messaging.media import Upload, record
from messaging.message_type import MessageType
from tests import media, media_files
from tests.messaging.conftest import ALICE, BOB, befriend, events, stored
from tests.s3 import S3Server
from workers import media as tasks

JPEG = media_files.picture("JPEG", (640, 480))


@pytest.fixture
def place(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have this process store in a directory. Returns it."""
    directory = tmp_path / "media"
    monkeypatch.setenv("MEDIA_STORAGE", str(directory))
    settings.cache_clear()
    storage.cache_clear()
    return directory


@pytest.fixture
def bucket(database: str, s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process store in a bucket."""
    for name, value in s3.create_bucket().items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    storage.cache_clear()


def uploaded(data: bytes = JPEG, content_type: str = "image/jpeg", **fields: int) -> int:
    """Store a picture whose thumbnail is wanted. Returns the id of its bytes."""
    name = new_name()
    storage().put(name, io.BytesIO(data))
    blob_id = media.wanted(name, size=len(data), **fields)
    media.upload(blob_id, content_type=content_type)
    return blob_id


def made(blob_id: int) -> Blob:
    """Run the task. Returns the row as it is then."""
    tasks.make_thumbnail(blob_id)
    return media.blobs()[blob_id]


def counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("im_thumbnails_total", {"outcome": outcome}) or 0


@pytest.mark.parametrize("where", ["place", "bucket"])
def test_a_thumbnail_is_stored_beside_its_picture(where: str, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue(where)
    before = counted("made")
    blob = made(uploaded())
    assert blob.thumbnail_name
    found = b"".join(storage().read(blob.thumbnail_name, 0, storage().size(blob.thumbnail_name)))
    with Image.open(io.BytesIO(found)) as shown:
        assert (shown.format, shown.size) == ("WEBP", (320, 240))
    assert (blob.thumbnail_state, counted("made")) == (ThumbnailState.MADE, before + 1)


def test_those_who_have_the_message_already_are_told(place: Path) -> None:
    befriend(ALICE, BOB)
    message = stored(ALICE, BOB)
    blob_id = uploaded()
    for media_id in media.uploads():
        media.carry(media_id, message)
    made(blob_id)
    assert [(each.kind, each.message_id) for each in events()] == [(Kind.SENT, message["id"]), (Kind.UPDATED, 1)]
    made(blob_id)
    assert len(events()) == 2, "once"


def test_whoever_takes_over_from_one_that_died_tells_them(place: Path) -> None:
    befriend(ALICE, BOB)
    message = stored(ALICE, BOB)
    blob_id = media.wanted("a" * 32, thumbnail_name="b" * 32, thumbnail_attempts=thumbnails.MOST_TRIES)
    media.carry(media.upload(blob_id), message)
    assert made(blob_id).thumbnail_state == ThumbnailState.MADE
    assert events()[-1].kind == Kind.UPDATED


def test_a_picture_whose_tries_all_ended_with_the_worker_is_given_up(place: Path) -> None:
    before = counted("failed")
    blob_id = uploaded(thumbnail_attempts=thumbnails.MOST_TRIES)
    assert made(blob_id).thumbnail_state == ThumbnailState.FAILED
    assert [each.name for each in storage().names("", 9)] == [media.blobs()[blob_id].name]
    assert counted("failed") == before + 1


@pytest.mark.parametrize("data", [b"<svg/>", JPEG[:200], b"", bytes(3000)], ids=["svg", "cut", "empty", "zeros"])
def test_what_shows_nothing_is_given_up(place: Path, data: bytes) -> None:
    blob = made(uploaded(data))
    assert (blob.thumbnail_state, blob.thumbnail_name) == (ThumbnailState.FAILED, None)


def test_a_picture_whose_bytes_are_gone_is_given_up_until_it_is_uploaded_again(place: Path) -> None:
    blob_id = uploaded()
    storage().remove([media.blobs()[blob_id].name])
    blob = made(blob_id)
    assert (blob.thumbnail_state, blob.thumbnail_attempts) == (ThumbnailState.NONE, 0)


def test_a_storage_that_is_away_costs_no_try(place: Path) -> None:
    before = counted("put_off")
    blob_id = uploaded()
    kept = place.rename(place.parent / "elsewhere")
    for _ in range(thumbnails.MOST_TRIES + 1):
        assert made(blob_id).thumbnail_state == ThumbnailState.WANTED
    assert (media.blobs()[blob_id].thumbnail_attempts, counted("put_off") - before) == (0, thumbnails.MOST_TRIES + 1)
    kept.rename(place)
    assert made(blob_id).thumbnail_state == ThumbnailState.MADE


def test_a_storage_that_takes_nothing_costs_no_try(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blob_id = uploaded()
    shelf = "00" if media.blobs()[blob_id].name[:2] != "00" else "01"
    (place / shelf).touch()  # no directory
    monkeypatch.setattr(tasks, "new_name", lambda: shelf * 16)
    blob = made(blob_id)
    assert (blob.thumbnail_state, blob.thumbnail_attempts) == (ThumbnailState.WANTED, 0)


def test_a_picture_that_was_cut_off_is_given_up_until_it_is_uploaded_again(place: Path) -> None:
    blob_id = uploaded()
    (file,) = (each for each in place.rglob("*") if each.is_file())
    file.write_bytes(JPEG[:-1])
    blob = made(blob_id)
    assert (blob.thumbnail_state, blob.thumbnail_attempts) == (ThumbnailState.NONE, 0)


def test_a_decoder_that_cannot_run_is_tried_three_times_for_an_upload(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine is at fault, as when it has no memory: the next upload of these bytes asks again."""

    def refuse(*_: object) -> bytes:
        raise Unavailable("no process")

    blob_id = uploaded()
    with monkeypatch.context() as short:
        short.setattr(tasks, "thumbnail", refuse)
        states = [made(blob_id).thumbnail_state for _ in range(thumbnails.MOST_TRIES + 1)]
    wanted, none = ThumbnailState.WANTED, ThumbnailState.NONE
    assert states == [wanted, wanted, none, none]
    blob = media.blobs()[blob_id]
    again = Upload("a" * 32, ALICE, MessageType.IMAGE, "image/jpeg", 640, 480, 0, blob.sha256, blob.size, new_name())
    assert write(record, upload=again).wants_thumbnail
    assert made(blob_id).thumbnail_state == ThumbnailState.MADE


def test_of_two_workers_one_keeps_what_it_made(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blob_id = uploaded()
    name = media.blobs()[blob_id].name

    def slower(*_: object) -> bytes:
        assert write(thumbnails.keep, blob_id=blob_id, name=name, thumbnail_name="f" * 32)
        return b"a thumbnail"

    monkeypatch.setattr(tasks, "thumbnail", slower)
    assert made(blob_id).thumbnail_name == "f" * 32
    assert [each.name for each in storage().names("", 9)] == [name]


def test_what_was_removed_meanwhile_leaves_nothing(place: Path) -> None:
    tasks.make_thumbnail(99)
    assert storage().names("", 9) == []
