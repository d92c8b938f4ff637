"""The storage in a directory of this host, or of a shared file system: a plain file for each name.

Plain files and not obstore's LocalStore, which does not fsync, and writes under another name first: a kill would leave
files there that no listing shows. A file that is cut off here is under its own name, is listed, and is removed as any
other that the database does not know. So a file needs no renaming, and hard links and O_TMPFILE, which not every shared
file system has, are not needed either.
"""

import heapq
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from io import FileIO
from pathlib import Path
from shutil import copyfileobj
from typing import BinaryIO

from infra.off_the_loop import off_the_loop
from infra.storage.base import ASKING, CHUNK, PUTTING, Damaged, Missing, Reading, StorageAway, Stored, is_name

_COPIED = 1024 * 1024  # bytes at once, into the page cache


class LocalStorage:
    """A directory with up to 256 directories in it, by the first two characters of the names."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        with _away():
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, name: str, source: BinaryIO) -> None:
        off_the_loop(partial(self._put, self._path(name), source), pool=PUTTING)

    def read(self, name: str, start: int, length: int) -> Reading:
        path = self._path(name)
        return _Reading(off_the_loop(partial(self._open, path, start + length), pool=ASKING), start, length)

    def size(self, name: str) -> int:
        return off_the_loop(partial(self._size, self._path(name)), pool=ASKING)

    def remove(self, names: Collection[str]) -> None:
        off_the_loop(partial(_remove, [self._path(name) for name in names]), pool=ASKING)

    def names(self, after: str, limit: int) -> list[Stored]:
        return off_the_loop(partial(self._names, after, limit), pool=ASKING)

    def address(self, *_: object, **__: object) -> None:
        return None

    def _path(self, name: str) -> Path:
        if not is_name(name):
            raise ValueError("not a name of this storage")  # the text may be anything: it is not shown
        return self._root / name[:2] / name

    def _put(self, path: Path, source: BinaryIO) -> None:
        with _away():
            if not path.parent.is_dir():
                path.parent.mkdir(mode=0o700, exist_ok=True)
                _sync_directory(self._root)
            with open(path, "xb", opener=_private) as file:
                try:
                    copyfileobj(source, file, _COPIED)
                    file.flush()
                    os.fsync(file.fileno())
                except BaseException:
                    path.unlink(missing_ok=True)
                    raise
            _sync_directory(path.parent)

    def _open(self, path: Path, least: int) -> FileIO:
        with self._missing():
            file = FileIO(path)
            if os.fstat(file.fileno()).st_size < least:
                file.close()
                raise Damaged("a file is shorter than it was")
            return file

    def _size(self, path: Path) -> int:
        with self._missing():
            return path.stat().st_size

    @contextmanager
    def _missing(self) -> Iterator[None]:
        """Raise Missing for a file that is not there, StorageAway for a directory that is not there."""
        with _away():
            try:
                yield
            except FileNotFoundError as error:
                if not self._root.is_dir():
                    raise
                raise Missing from error

    def _names(self, after: str, limit: int) -> list[Stored]:
        found: list[Stored] = []
        with _away():
            shelves = sorted(each for each in os.listdir(self._root) if len(each) == 2 and each >= after[:2])
            for shelf in shelves:
                if len(found) >= limit:
                    break
                if not (self._root / shelf).is_dir():
                    continue  # somebody's file
                found += _on_shelf(self._root / shelf, after, limit - len(found))
        return found


class _Reading:
    """The bytes of an open file. It closes the file at their end."""

    def __init__(self, file: FileIO, start: int, length: int) -> None:
        self._file, self._place, self._left = file, start, length

    def __iter__(self) -> "_Reading":
        return self

    def __next__(self) -> bytes:
        if not self._left:
            self.close()
            raise StopIteration
        chunk = off_the_loop(self._read, pool=ASKING)
        self._place += len(chunk)
        self._left -= len(chunk)
        return chunk

    def close(self) -> None:
        self._file.close()
        self._left = 0

    def _read(self) -> bytes:
        with _away():
            chunk = os.pread(self._file.fileno(), min(CHUNK, self._left), self._place)
        if not chunk:
            raise Damaged("a file is shorter than it was")
        return chunk


def _on_shelf(shelf: Path, after: str, limit: int) -> list[Stored]:
    names = (each for each in os.listdir(shelf) if each > after and is_name(each) and each[:2] == shelf.name)
    found = []
    for name in heapq.nsmallest(limit, names):
        try:
            seen = (shelf / name).stat()
        except FileNotFoundError:
            continue  # removed meanwhile
        found.append(Stored(name, seen.st_size, int(seen.st_mtime)))
    return found


def _remove(paths: Collection[Path]) -> None:
    with _away():
        for path in paths:
            path.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync_directory(path: Path) -> None:
    """Make the names in a directory last: fsync of a file does not include its own."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _away() -> Iterator[None]:
    """Raise StorageAway for an error of the file system: full, read only, gone."""
    try:
        yield
    except OSError as error:
        raise StorageAway(os.strerror(error.errno or 0)) from error
