"""Tests that the audit of the storage finds what is gone and what nothing names, and nothing else."""

import io
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from actions import media_audit
from actions.media_audit import Fault
from db.blob import Blob
from db.session import write
from infra.settings import settings
from infra.storage import storage
from tests import media

BYTES = b"seven.."
OLD = time.time() - 2 * 86_400


@pytest.fixture(params=["database", "mariadb_database"], ids=["sqlite", "mariadb"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have this process store in a directory, beside either database. Returns the directory."""
    request.getfixturevalue(request.param)
    monkeypatch.setenv("MEDIA_STORAGE", str(tmp_path / "media"))
    monkeypatch.setattr(media_audit, "PAGE", 2)
    settings.cache_clear()
    storage.cache_clear()
    storage()
    return tmp_path / "media"


def put(place: Path, digit: str, *, old: bool = True, data: bytes = BYTES) -> Path:
    storage().put(digit * 32, io.BytesIO(data))
    path = place / (digit * 2) / (digit * 32)
    if old:
        os.utime(path, (OLD, OLD))
    return path


@pytest.fixture
def whole(place: Path) -> Iterator[Path]:
    """Store five uploads of which two have thumbnails, one of them carried by two messages. Yields the directory."""
    for digit in "13579":
        put(place, digit)
        thumbnail = str(int(digit) + 1) if digit in "15" else None
        if thumbnail:
            put(place, thumbnail, data=b"of any size")
        blob_id = media.blob(digit * 32, thumbnail_name=thumbnail * 32 if thumbnail else None)
        upload = media.upload(blob_id)
        if digit == "5":
            media.carry(upload, _message(5), _message(6))
            media.upload(blob_id)
    yield place
    assert media.blobs()


def _message(number: int) -> dict[str, Any]:
    return {"id": number, "conversation_id": "1_2", "seq": number}


def found() -> list[Fault]:
    return list(media_audit.faults())


def test_a_storage_that_is_as_it_should_be_has_no_faults(whole: Path) -> None:
    put(whole, "a", old=False)  # of an upload that is under way
    assert found() == []


def test_bytes_that_are_gone_are_found_with_the_messages_that_carry_them(whole: Path) -> None:
    storage().remove(["5" * 32, "9" * 32])
    assert found() == [Fault("gone", "5" * 32, (5, 6)), Fault("gone", "9" * 32)]


def test_bytes_of_another_size_are_found(whole: Path) -> None:
    (whole / "33" / ("3" * 32)).write_bytes(b"six...")
    assert found() == [Fault("of a wrong size", "3" * 32)]


def test_a_thumbnail_that_is_gone_is_found(whole: Path) -> None:
    storage().remove(["6" * 32])
    assert found() == [Fault("thumbnail gone", "6" * 32, (5, 6))]


def test_bytes_that_nothing_names_are_found(whole: Path) -> None:
    for digit in "08c":
        put(whole, digit)
    assert found() == [Fault("named by no row", digit * 32) for digit in "08c"]


def test_beside_an_empty_database_all_bytes_are_named_by_no_row(place: Path) -> None:
    put(place, "3")
    assert found() == [Fault("named by no row", "3" * 32)]


def test_what_is_removed_while_it_is_looked_at_is_no_fault(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_audit, "PAGE", 100)
    storage().remove(["1" * 32, "3" * 32])
    looking = media_audit.faults()
    assert next(looking) == Fault("gone", "1" * 32)
    write(lambda session, _: session.execute(delete(Blob).where(Blob.name == "3" * 32)))
    assert list(looking) == []


def test_all_may_be_gone(whole: Path) -> None:
    storage().remove([each.name for each in storage().names("", 99)])
    assert [each.what for each in found()] == [
        "gone",
        "thumbnail gone",
        "gone",
        "gone",
        "thumbnail gone",
        "gone",
        "gone",
    ]
