"""Tests that both storages keep bytes whole, give parts of them, list them in order, and say what is wrong."""

import io
import os
import resource
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from infra.settings import settings
from infra.storage import CHUNK, Damaged, Missing, Storage, StorageAway, new_name, storage
from infra.storage.answers import storage_answers
from infra.storage.presigned import Keys, presigned
from tests import databases
from tests.processes import ROOT
from tests.s3 import KEY, SECRET, S3Server, client

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


def test_what_is_shorter_than_asked_for_is_damaged_and_not_away(either: Storage) -> None:
    name = put(either, b"12345")
    for start, length in ((0, 6), (3, 3), (5, 1), (7, 1)):
        with pytest.raises(Damaged):
            either.read(name, start, length)
    assert issubclass(Damaged, Missing)
    assert not issubclass(Damaged, StorageAway)


def test_a_file_that_is_cut_off_while_it_is_read_is_damaged(local: Storage, tmp_path: Path) -> None:
    name = put(local, bytes(2 * CHUNK))
    reading = local.read(name, 0, 2 * CHUNK)
    next(reading)
    os.truncate(tmp_path / "deep" / "media" / name[:2] / name, CHUNK)
    with pytest.raises(Damaged):
        next(reading)


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


def test_other_files_are_not_listed(local: Storage, tmp_path: Path) -> None:
    name = put(local, b"x")
    root = tmp_path / "deep" / "media"
    for path in (root / "notes.txt", root / name[:2] / "notes.txt", root / name, root / name[:2] / f"{name}.tmp"):
        path.write_bytes(b"somebody's")
    (root / "zy").write_bytes(b"no directory")
    (root / "zz").mkdir()
    (root / "zz" / name).write_bytes(b"in another's place")
    assert [each.name for each in local.names("", 10)] == [name]


def test_a_storage_that_is_there_answers(either: Storage) -> None:
    assert storage_answers() == ""
    put(either, b"some")
    assert storage_answers() == ""


def test_other_objects_are_not_listed(s3: S3Server, bucket: Storage) -> None:
    name = put(bucket, b"x")
    place = settings().media_storage.removeprefix("s3://").partition("/")
    for key in ("a/prefix/notes.txt", f"a/prefix2/{name}", f"a/{name}", f"a/prefix/{name}/{name}", "zz"):
        client(s3.url).put_object(Bucket=place[0], Key=key, Body=b"somebody's")
    assert [each.name for each in bucket.names("", 10)] == [name]


def test_files_are_for_this_user_alone(local: Storage, tmp_path: Path) -> None:
    name = put(local, b"x")
    root = tmp_path / "deep" / "media"
    modes = [path.stat().st_mode & 0o777 for path in (root, root / name[:2], root / name[:2] / name)]
    assert modes == [0o700, 0o700, 0o600]


def test_a_full_disk_leaves_nothing(local: Storage, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024 * 1024, hard))
    try:
        with pytest.raises(StorageAway):
            put(local, os.urandom(MANY))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path for path in (tmp_path / "deep" / "media").rglob("*") if path.is_file()] == []


def test_a_source_that_fails_leaves_nothing(either: Storage) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > MANY // 2:
                raise ZeroDivisionError
            return super().read(size)

    name = new_name()
    with pytest.raises((ZeroDivisionError, StorageAway)):
        either.put(name, Failing(os.urandom(MANY)))
    with pytest.raises(Missing):
        either.size(name)


def test_a_directory_that_is_gone_is_away_and_nothing_is_missing(local: Storage, tmp_path: Path) -> None:
    name = put(local, b"x")
    (tmp_path / "deep" / "media").rename(tmp_path / "elsewhere")
    away(local, name)
    assert "does not answer (No such file or directory); see that" in storage_answers()
    (tmp_path / "elsewhere").rename(tmp_path / "deep" / "media")
    assert local.size(name) == 1


def test_an_s3_that_is_gone_is_away_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = S3Server(tmp_path)
    server.start()
    place = next(_storage(server.create_bucket(), monkeypatch))
    name = put(place, os.urandom(MANY))
    reading = place.read(name, 0, MANY)
    next(reading)
    server.kill()
    began = time.monotonic()
    away(place, name)
    with pytest.raises(StorageAway):
        list(reading)
    assert time.monotonic() - began < 30


def test_an_answer_that_breaks_off_is_asked_for_again(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = s3.create_bucket()
    name, data = new_name(), os.urandom(MANY)
    next(_storage(environment, monkeypatch)).put(name, io.BytesIO(data))
    with breaking_off(urlsplit(s3.url).port or 0, after=1024 * 1024) as (port, connections):
        place = next(_storage(environment | {"S3_ENDPOINT": f"http://127.0.0.1:{port}"}, monkeypatch))
        assert b"".join(place.read(name, 5, MANY - 5)) == data[5:]
    assert len(connections) > 10


@contextmanager
def breaking_off(port: int, *, after: int) -> Iterator[tuple[int, list[socket.socket]]]:
    """Serve a proxy that closes each connection after so many bytes of answers. Yields its port and connections."""
    connections: list[socket.socket] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            connections.append(self.request)
            with socket.create_connection(("127.0.0.1", port)) as server:
                server.sendall(self.request.recv(65_536))
                left = after
                while left > 0 and (said := server.recv(min(left, 65_536))):
                    self.request.sendall(said)
                    left -= len(said)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        yield proxy.server_address[1], connections
        proxy.shutdown()
        thread.join()


def test_a_bucket_that_is_not_there_is_away(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = s3.create_bucket() | {"MEDIA_STORAGE": "s3://no-such-bucket"}
    place = next(_storage(environment, monkeypatch))
    for asking in (
        lambda: place.put(new_name(), io.BytesIO(b"x")),
        lambda: place.read(new_name(), 0, 1),
        lambda: place.names("", 1),
    ):
        with pytest.raises(StorageAway):
            asking()


def test_whether_a_bucket_answers_is_told_with_the_reason(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    own = s3.create_bucket()
    with contextmanager(_storage)(own | {"MEDIA_STORAGE": "s3://no-such-bucket"}, monkeypatch):
        assert "does not answer (no such bucket); see that" in storage_answers()
    with contextmanager(_storage)(own | {"S3_ENDPOINT": "http://127.0.0.1:1"}, monkeypatch):
        assert "does not answer (ConnectionRefusedError); see that" in storage_answers()


def away(place: Storage, name: str) -> None:
    for asking in (
        lambda: place.put(new_name(), io.BytesIO(b"x")),
        lambda: place.read(name, 0, 1),
        lambda: place.size(name),
        lambda: place.names("", 1),
    ):
        with pytest.raises(StorageAway):
            asking()


def test_a_directory_gives_no_address(local: Storage) -> None:
    assert local.address(put(local, b"x"), 60, "image/png", inline=True) is None


@pytest.mark.parametrize(("inline", "disposition"), [(True, "inline"), (False, "attachment")])
def test_an_address_of_s3_gives_the_bytes_to_anybody(bucket: Storage, inline: bool, disposition: str) -> None:
    address = bucket.address(put(bucket, b"a picture"), 60, "image/png", inline=inline)
    assert address
    found = requests.get(address, timeout=10)
    assert (found.status_code, found.content) == (200, b"a picture")
    assert (found.headers["Content-Type"], found.headers["Content-Disposition"]) == ("image/png", disposition)


def test_an_address_is_signed_as_amazon_says() -> None:
    """The example of "Authenticating Requests: Using Query Parameters" in Amazon's reference."""
    keys = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
    url = "https://examplebucket.s3.amazonaws.com/test.txt"
    found = presigned(url, keys, now=datetime(2013, 5, 24, tzinfo=UTC), seconds=86_400, answer={})
    assert found.endswith("X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")


def test_an_address_is_signed_as_amazons_own_client_does(s3: S3Server) -> None:
    answer = {"response-content-type": "image/png", "response-content-disposition": "attachment"}
    asked = {
        "Bucket": "b",
        "Key": "a/k",
        "ResponseContentType": "image/png",
        "ResponseContentDisposition": "attachment",
    }
    theirs = parse_qs(urlsplit(client(s3.url).generate_presigned_url("get_object", asked, 60)).query)
    moment = datetime.strptime(theirs["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    ours = presigned(f"{s3.url}/b/a/k", Keys(KEY, SECRET, "us-east-1"), now=moment, seconds=60, answer=answer)
    assert parse_qs(urlsplit(ours).query) == theirs


def test_putting_and_reading_much_takes_little_memory(s3: S3Server, tmp_path: Path) -> None:
    for environment in (s3.create_bucket(), {"MEDIA_STORAGE": str(tmp_path / "media")}):
        found = subprocess.run(
            [sys.executable, "-c", _MUCH],
            cwd=ROOT,
            env=os.environ | databases.environment("sqlite://") | environment,
            capture_output=True,
            text=True,
            check=True,
        )
        grown = int(found.stdout)
        assert grown < 16, f"{grown} MiB more with {environment['MEDIA_STORAGE']}"


_MUCH = """
import os, re, tempfile
from pathlib import Path
from infra.storage import new_name, storage
peak = lambda: int(re.search("VmHWM: +([0-9]+)", Path("/proc/self/status").read_text().replace("\t", " "))[1])
place = storage()
with tempfile.TemporaryFile() as file:
    place.put(new_name(), file)
    for _ in range(100):
        file.write(os.urandom(1024 * 1024))
    file.seek(0)
    before = peak()
    name = new_name()
    place.put(name, file)
    for _ in place.read(name, 0, 100 * 1024 * 1024):
        pass
print((peak() - before) // 1024)
"""


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
