"""Tests that a run of the upkeep of media has lost thumbnails made, and removes what nothing needs."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import media
from tests.workers.conftest import Worker

OLD = time.time() - 2 * 86_400
Clean = Callable[..., str]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Returns the directory of the storage."""
    return tmp_path / "media"


@pytest.fixture
def clean(worker: Worker, place: Path) -> Clean:
    """Returns a function that runs the upkeep, some times, after other statements. It returns what was logged."""

    def run(*statements: str, times: int = 1) -> str:
        again = ["upkeep.client().delete('im:media:cleaned')", "media_upkeep.clean()"] * times
        return worker.do("from workers import upkeep", *statements, *again, MEDIA_STORAGE=str(place))

    return run


def put(place: Path, name: str, written: float = OLD) -> Path:
    """Store bytes under a name. Returns their file."""
    path = place / name[:2] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"bytes")
    os.utime(path, (written, written))
    return path


def test_a_thumbnail_that_waits_for_a_minute_gets_another_task(worker: Worker, clean: Clean) -> None:
    lost = media.wanted(create_time=media.LONG_AGO)
    media.upload(lost)
    media.upload(media.wanted())
    clean()
    assert worker.sent("media") == [[lost]]


def test_thumbnails_that_always_fail_hold_up_no_others(worker: Worker, clean: Clean) -> None:
    lost = [media.wanted(create_time=media.LONG_AGO) for _ in range(3)]
    for blob_id in lost:
        media.upload(blob_id)
    clean("media_upkeep.THUMBNAILS = 2", times=3)
    assert worker.sent("media")[::-1] == [[each] for each in (*lost, *lost[:2])]


def test_nothing_is_removed_beside_an_empty_database(place: Path, clean: Clean) -> None:
    kept = put(place, "a" * 32)
    clean(times=2)
    assert kept.exists()


def test_an_upload_that_no_message_carries_goes_with_its_bytes(place: Path, clean: Clean) -> None:
    gone = [put(place, letter * 32) for letter in "ab"]
    kept = put(place, "c" * 32)
    media.upload(media.blob("a" * 32, thumbnail_name="b" * 32), unused_since=media.LONG_AGO)
    media.upload(media.blob("c" * 32))
    clean()
    assert [each.exists() for each in (*gone, kept)] == [False, False, True]
    assert len(media.uploads()) == len(media.blobs()) == 1


def test_bytes_that_no_upload_names_go(place: Path, clean: Clean) -> None:
    stray = put(place, "a" * 32)
    media.blob("a" * 32)
    media.upload(media.blob())
    clean()
    assert (stray.exists(), len(media.blobs())) == (False, 1)


def test_what_no_row_names_goes_after_a_day_a_page_at_a_time(place: Path, clean: Clean) -> None:
    media.upload(media.blob("c" * 32, thumbnail_name="d" * 32))
    unknown = [put(place, letter * 32) for letter in "abef"]
    kept = [put(place, "c" * 32), put(place, "d" * 32), put(place, "9" * 32, time.time())]
    told = clean("media_upkeep.PAGE = 2")
    assert [each.exists() for each in unknown] == [False, True, True, True], "the first page"
    assert "unknown_media_removed" in told
    clean("media_upkeep.PAGE = 2", times=3)
    assert [each.exists() for each in unknown] == [False] * 4
    again = put(place, "0" * 32)
    clean("media_upkeep.PAGE = 2", times=4)
    assert not again.exists(), "it begins anew"
    assert all(each.exists() for each in kept)


def test_what_could_not_be_removed_from_a_storage_that_is_away_goes_later(place: Path, clean: Clean) -> None:
    bytes_ = put(place, "a" * 32)
    media.upload(media.blob("a" * 32), unused_since=media.LONG_AGO)
    media.upload(media.blob())
    shelf = bytes_.parent.rename(place / "elsewhere")
    bytes_.parent.touch()  # no directory
    assert "media_not_cleaned" in clean()
    assert len(media.uploads()) == 1
    bytes_.parent.unlink()
    shelf.rename(bytes_.parent)
    clean()
    assert not bytes_.exists()


def test_runs_that_have_piled_up_run_once(worker: Worker, clean: Clean) -> None:
    media.upload(media.wanted(create_time=media.LONG_AGO))
    clean("media_upkeep.clean()", "media_upkeep.clean()", times=0)
    assert len(worker.sent("media")) == 1
