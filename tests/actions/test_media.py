"""Tests of what becomes of an upload's bytes: they are there when a row names them, and only then."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryFile
from threading import Barrier
from typing import BinaryIO

import pytest
from sqlalchemy import select, text

from actions import media
from db.blob import Blob
from db.errors import DatabaseUnavailable, OutcomeUnknown
from db.media import Media
from db.session import read, write
from infra import media as decoders
from infra.settings import settings
from infra.storage import StorageAway, storage
from infra.tasks import Task
from messaging.errors import Code, Refused
from messaging.message_type import MessageType
from tests.db.test_lost_commit import Proxy, proxy
from tests.media_files import picture
from tests.messaging.conftest import ALICE, BOB
from tests.processes import ROOT

__all__ = ["proxy"]


@pytest.fixture
def sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Task, object]]:
    """Keep bytes below `tmp_path`. Returns a list that collects the tasks that are sent."""
    monkeypatch.setenv("MEDIA_STORAGE", str(tmp_path / "media"))
    settings.cache_clear()
    storage.cache_clear()
    tasks: list[tuple[Task, object]] = []
    monkeypatch.setattr(media, "soon", lambda *task: tasks.append(task))
    return tasks


def upload(data: bytes, kind: MessageType = MessageType.FILE, *, user_id: int = ALICE, gone: bool = False) -> str:
    with TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        return media.upload(user_id=user_id, kind=kind, source=file, gone=lambda: gone)


def bytes_of(media_id: str) -> bytes:
    """Returns the bytes that an upload's row leads to."""
    query = select(Blob.name, Blob.size).join(Media, Media.blob_id == Blob.id).where(Media.id == media_id)
    name, size = read(lambda session, _: session.execute(query).one())
    return b"".join(storage().read(name, 0, size))


def stored() -> list[str]:
    return [each.name for each in storage().names("", 100)]


def test_an_upload_leads_to_its_bytes(any_database: str, sent: list[object]) -> None:
    first, second = upload(b"some"), upload(b"others")
    assert [bytes_of(first), bytes_of(second)] == [b"some", b"others"]
    assert len(stored()) == 2
    assert sent == []


def test_bytes_that_come_again_are_stored_once(any_database: str, sent: list[object]) -> None:
    first, again = upload(b"same"), upload(b"same", user_id=BOB)
    assert first != again
    assert bytes_of(again) == b"same"
    assert len(stored()) == 1


def test_a_picture_is_given_to_the_makers_of_thumbnails(database: str, sent: list[tuple[Task, object]]) -> None:
    media_id = upload(picture("PNG", (30, 20)), MessageType.IMAGE)
    row = read(lambda session, _: session.get_one(Media, media_id))
    assert sent == [(Task.MAKE_THUMBNAIL, row.blob_id)]
    assert (row.content_type, row.width, row.height) == ("image/png", 30, 20)


@pytest.mark.parametrize("data", [b"<html>", b"<svg xmlns='http://www.w3.org/2000/svg'/>", picture("JPEG")[:200]])
def test_what_is_not_of_its_kind_is_not_stored(database: str, sent: list[object], data: bytes) -> None:
    with pytest.raises(Refused) as refused:
        upload(data, MessageType.IMAGE)
    assert refused.value.code is Code.MEDIA_KIND
    assert stored() == []


def test_nothing_is_stored_for_who_has_gone(database: str, sent: list[object]) -> None:
    with pytest.raises(media.Gone):
        upload(b"bytes", gone=True)
    assert stored() == []


def test_bytes_that_cannot_be_recorded_are_removed(database: str, sent: list[object]) -> None:
    write(lambda session, _: session.execute(text("DROP TABLE im_media")))
    with pytest.raises(DatabaseUnavailable):
        upload(b"bytes")
    assert stored() == []


def test_bytes_beyond_the_day_are_removed(database: str, sent: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIA_BYTES_A_DAY", "5")
    settings.cache_clear()
    with pytest.raises(Refused) as refused:
        upload(b"six by")
    assert refused.value.code is Code.TOO_MANY_REQUESTS
    assert stored() == []


def test_bytes_stay_when_nobody_knows_whether_a_row_names_them(proxy: Proxy, sent: list[object]) -> None:
    """The COMMIT is lost on its way and arrives later: the upload is there, and so must its bytes be."""
    upload(b"a connection is there")
    proxy.losing.set()
    with ThreadPoolExecutor(1) as thread:
        uploading = thread.submit(upload, b"bytes")
        with pytest.raises(OutcomeUnknown):
            uploading.result(60)
    proxy.let_through.set()
    assert len(stored()) == 2


_KILLED = """
from gevent import monkey
monkey.patch_all()
import sqlite3, sys, tempfile
import gevent
from sqlalchemy import event
from actions import media
from db.session import engine
from infra.storage import storage
from messaging.message_type import MessageType

lock = sqlite3.connect(sys.argv[1], isolation_level=None)
lock.execute("BEGIN IMMEDIATE")
connected = []
event.listen(engine(), "connect", lambda *_: connected.append(1))
with gevent.Timeout(60), tempfile.TemporaryFile() as file:
    file.write(b"bytes")
    file.seek(0)
    uploading = gevent.spawn(media.upload, user_id=1, kind=MessageType.FILE, source=file)
    while not connected:
        gevent.sleep(0.01)
    uploading.kill()
    lock.execute("ROLLBACK")
    while not (rows := lock.execute("SELECT name FROM im_blob").fetchall()):
        gevent.sleep(0.01)
print([each.name for each in storage().names("", 9)] == [name for name, in rows])
"""


def test_bytes_stay_when_a_greenlet_is_killed_whose_transaction_goes_on(database: str, sent: list[object]) -> None:
    command = [sys.executable, "-c", _KILLED, database.removeprefix("sqlite:///")]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "True"


@pytest.mark.parametrize("left", [b"byt", b"bytes and more", None], ids=["cut", "longer", "gone"])
def test_bytes_that_were_lost_come_back(
    any_database: str, sent: list[object], tmp_path: Path, left: bytes | None
) -> None:
    first = upload(b"bytes")
    (path,) = (each for each in (tmp_path / "media").rglob("*") if each.is_file())
    path.unlink() if left is None else path.write_bytes(left)
    again = upload(b"bytes")
    assert bytes_of(first) == bytes_of(again) == b"bytes"
    assert len(stored()) == 1


def test_a_user_has_one_upload_examined_at_a_time(
    database: str, sent: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two are examined at once here, whoever comes first: one of each user."""
    running, seen, together = list[str](), list[list[str]](), Barrier(2)

    def examine(source: BinaryIO, _kind: str) -> decoders.Examined:
        name = source.read().decode()
        running.append(name)
        together.wait(60)
        seen.append(sorted(running))
        together.wait(60)
        running.remove(name)
        raise decoders.NotThisKind

    monkeypatch.setattr(decoders, "examine", examine)
    with ThreadPoolExecutor(8) as threads:
        uploads = [
            threads.submit(upload, name, user_id=user) for user, name in ((ALICE, b"A"), (BOB, b"B")) for _ in range(4)
        ]
        errors = [each.exception(60) for each in uploads]
    assert [error.code for error in errors if isinstance(error, Refused)] == [Code.MEDIA_KIND] * 8
    assert seen == [["A", "B"]] * 8


def test_without_a_storage_nothing_is_recorded(database: str, sent: list[object], tmp_path: Path) -> None:
    storage()
    (tmp_path / "media").rmdir()
    (tmp_path / "media").write_text("no directory")
    with pytest.raises(StorageAway):
        upload(b"bytes")
    assert read(lambda session, _: session.scalars(select(Blob)).all()) == []
