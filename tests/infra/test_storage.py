"""Tests that both storages keep bytes whole, give parts of them, list them in order, and say what is wrong."""

import io
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.settings import settings
from infra.storage import CHUNK, Missing, Storage, new_name, storage
from tests import databases
from tests.s3 import S3Server

MANY = 12 * 1024 * 1024 + 5  # three parts of S3


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    """Yields a storage in a directory."""
    yield from _storage({"MEDIA_STORAGE": str(tmp_path / "deep" / "media")}, monkeypatch)


@pytest.fixture
def bucket(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    """Yields a storage in a bucket of its own."""
    yield from _storage(s3.create_bucket(), monkeypatch)


def _storage(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    with databases.configured("sqlite://"):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        yield storage()


@pytest.fixture(params=["local", "bucket"])
def either(request: pytest.FixtureRequest) -> Storage:
    """Run the test twice, in a directory and in a bucket."""
    found: Storage = request.getfixturevalue(request.param)
    return found


def put(place: Storage, data: bytes) -> str:
    name = new_name()
    place.put(name, io.BytesIO(data))
    return name


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1, MANY])
def test_what_was_put_is_read(either: Storage, size: int) -> None:
    data = os.urandom(size)
    name = put(either, data)
    chunks = list(either.read(name, 0, size))
    assert b"".join(chunks) == data
    assert all(0 < len(chunk) <= CHUNK for chunk in chunks)
    assert either.size(name) == size


def test_a_source_is_read_from_where_it_stands(either: Storage, tmp_path: Path) -> None:
    path, name = tmp_path / "source", new_name()
    path.write_bytes(b"passed over" + b"stored")
    with path.open("rb") as source:
        source.seek(11)
        either.put(name, source)
    assert b"".join(either.read(name, 0, 6)) == b"stored"
    assert either.size(name) == 6


def test_a_part_is_read(either: Storage) -> None:
    data = os.urandom(3 * CHUNK)
    name = put(either, data)
    for start, length in ((0, 1), (1, CHUNK), (CHUNK - 1, CHUNK + 2), (3 * CHUNK - 1, 1)):
        assert b"".join(either.read(name, start, length)) == data[start : start + length]


def test_what_is_missing_is_told_before_it_is_read(either: Storage) -> None:
    for asking in (lambda name: either.read(name, 0, 5), lambda name: either.read(name, 0, 0), either.size):
        with pytest.raises(Missing):
            asking(new_name())


def test_what_is_removed_is_missing_and_may_be_removed_again(either: Storage) -> None:
    one, other = put(either, b"one"), put(either, b"other")
    either.remove([one, new_name()])
    either.remove([one])
    with pytest.raises(Missing):
        either.read(one, 0, 3)
    assert b"".join(either.read(other, 0, 5)) == b"other"


def test_names_come_in_pages_in_their_order(either: Storage) -> None:
    names = sorted(put(either, b"x" * place) for place in range(7))
    page, found = either.names("", 3), []
    while page:
        assert len(page) <= 3
        found += page
        page = either.names(page[-1].name, 3)
    assert [each.name for each in found] == names
    assert sorted(each.size for each in found) == list(range(7))
    assert all(abs(each.modified - time.time()) < 60 for each in found)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a" * 31, "A" * 32, "a" * 32 + "\n", "/" + "a" * 31])
def test_other_names_are_refused(either: Storage, name: str) -> None:
    for asking in (
        lambda: either.put(name, io.BytesIO(b"x")),
        lambda: either.read(name, 0, 1),
        lambda: either.size(name),
        lambda: either.remove([name]),
    ):
        with pytest.raises(ValueError):
            asking()
