"""The storage in a bucket of S3, by obstore. Its calls wait in Rust, without Python's lock, on threads of their own."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, BinaryIO

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from infra.off_the_loop import off_the_loop
from infra.storage.base import ASKING, CHUNK, PUTTING, Damaged, Missing, Reading, StorageAway, Stored, is_name
from infra.storage.bucket import bucket_of
from infra.storage.presigned import presigned

_PART = 5 * 1024 * 1024  # the least that S3 takes; with one on its way and one being read, a put holds two
_CLIENT = {
    "connect_timeout": timedelta(seconds=3),
    "read_timeout": timedelta(seconds=10),
    "timeout": timedelta(seconds=60),  # of a part, and of a stretch of an answer, which is then asked for again
}
_RETRIES = {"max_retries": 2, "retry_timeout": timedelta(seconds=10)}


class S3Storage:
    """The objects below a prefix of a bucket, from a URL like s3://bucket/prefix."""

    def __init__(self, url: str) -> None:
        self._bucket = bucket = bucket_of(url)
        self._store = S3Store(
            bucket.name,
            prefix=bucket.prefix or None,
            endpoint=bucket.endpoint,
            region=bucket.keys.region,
            access_key_id=bucket.keys.access_key_id,
            secret_access_key=bucket.keys.secret_access_key,
            virtual_hosted_style_request=False,
            disable_bulk_delete=True,  # not every S3 knows it
            client_options={**_CLIENT, "allow_http": bucket.endpoint.startswith("http://")},  # type: ignore[arg-type]
            retry_config=_RETRIES,  # type: ignore[arg-type]
        )

    def put(self, name: str, source: BinaryIO) -> None:
        put = partial(obstore.put, self._store, _checked(name), source, chunk_size=_PART, max_concurrency=1)
        with _away(missing=StorageAway("no such bucket")):
            off_the_loop(put, pool=PUTTING)

    def read(self, name: str, start: int, length: int) -> Reading:
        if not length:
            self.size(name)  # S3 refuses a range without bytes
        return _Reading(self._store, _checked(name), start, length)

    def size(self, name: str) -> int:
        with _away():
            return off_the_loop(partial(obstore.head, self._store, _checked(name)), pool=ASKING)["size"]

    def remove(self, names: Collection[str]) -> None:
        for name in names:
            try:
                with _away():
                    off_the_loop(partial(obstore.delete, self._store, _checked(name)), pool=ASKING)
            except Missing:
                continue

    def names(self, after: str, limit: int) -> list[Stored]:
        with _away(missing=StorageAway("no such bucket")):
            return off_the_loop(partial(self._names, after, limit), pool=ASKING)

    def address(self, name: str, seconds: int, content_type: str, *, inline: bool) -> str | None:
        answer = {
            "response-content-type": content_type,
            "response-content-disposition": "inline" if inline else "attachment",
        }
        url = f"{self._bucket.url}/{_checked(name)}"
        return presigned(url, self._bucket.keys, now=datetime.now(UTC), seconds=seconds, answer=answer)

    def _names(self, after: str, limit: int) -> list[Stored]:
        found: list[Stored] = []
        for page in obstore.list(self._store, offset=after or None, chunk_size=limit):
            found += [_stored(each) for each in page if is_name(each["path"])]
            if len(found) >= limit:
                break
        return found[:limit]


class _Reading:
    """The bytes of an answer of S3, which is asked for again from where it broke off, as long as it gets on."""

    def __init__(self, store: S3Store, path: str, start: int, length: int) -> None:
        self._store, self._path, self._place, self._left = store, path, start, length
        self._stream: Iterator[Any] = iter(())
        self._chunk = memoryview(b"")
        if length:
            off_the_loop(self._ask, pool=ASKING)

    def __iter__(self) -> "_Reading":
        return self

    def __next__(self) -> bytes:
        if not self._left:
            self.close()
            raise StopIteration
        if not self._chunk:
            off_the_loop(self._more, pool=ASKING)
        piece, self._chunk = bytes(self._chunk[:CHUNK]), self._chunk[CHUNK:]
        self._place += len(piece)
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        self._stream, self._chunk, self._left = iter(()), memoryview(b""), 0  # its connection ends with the stream

    def _ask(self) -> None:
        with _away():
            options: obstore.GetOptions = {"range": (self._place, self._place + self._left)}
            found = obstore.get(self._store, self._path, options=options)
            if found.meta["size"] < self._place + self._left:
                raise Damaged("an object is shorter than it was")
            self._stream = iter(found.stream(min_chunk_size=CHUNK))

    def _more(self) -> None:
        try:
            self._chunk = memoryview(next(self._stream, b""))
        except BaseError:
            self._chunk = memoryview(b"")
        if not self._chunk:
            self._ask()
            with _away():
                self._chunk = memoryview(next(self._stream, b""))
        if not self._chunk:
            raise StorageAway("an answer broke off twice")


def _stored(found: Any) -> Stored:
    return Stored(found["path"], found["size"], int(found["last_modified"].timestamp()))


def _checked(name: str) -> str:
    if not is_name(name):
        raise ValueError("not a name of this storage")  # the text may be anything: it is not shown
    return name


@contextmanager
def _away(missing: Exception | None = None) -> Iterator[None]:
    """Raise Missing (or `missing`) where S3 has no such object, Damaged where it has fewer bytes, and StorageAway for
    all else that it answers.
    """
    try:
        yield
    except FileNotFoundError as error:
        if "NoSuchBucket" in str(error):
            raise StorageAway("no such bucket") from error
        raise missing or Missing() from error
    except (BaseError, OSError) as error:
        if "InvalidRange" in str(error):
            raise Damaged("an object is shorter than it was") from error
        raise StorageAway(str(error).partition("\n")[0][:200]) from error
