"""The form of an upload as it comes: its field `kind`, and its field `file`, whose bytes go into a real file."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from infra import logs
from infra.off_the_loop import off_the_loop
from messaging.errors import Code, Refused
from messaging.media import KINDS, MOST_BYTES
from messaging.message_type import MessageType
from web.multipart import Piece

log = logs.get(__name__)

MOST = max(MOST_BYTES.values())  # bytes of a file of any kind
_LONGEST_NAME = 64
_SPOOLING = "uploads, spooling"  # threads of their own: a slow disk must not stop everybody else


def spool() -> BinaryIO:
    """Returns a file without a name, for the bytes of one upload. Raises Refused(UNAVAILABLE).

    It has no buffer: on a full disk closing it would try again to write what is in there, and raise.
    """
    with _spooling():
        return cast(BinaryIO, TemporaryFile(buffering=0))


class UploadForm:
    """What has come of a form: `size` bytes of its file so far."""

    def __init__(self) -> None:
        self.size = 0
        self.kind: MessageType | None = None
        self._kind_text = b""
        self._seen: set[str] = set()

    def receive(self, found: Iterator[Piece], file: BinaryIO) -> MessageType:
        """Read the whole form, and write the file's bytes to `file`, which is then at its beginning. Returns the kind.

        Raises Refused: INVALID, MEDIA_TOO_LARGE with the first byte beyond the kind's limit, UNAVAILABLE when the disk
        takes no more.
        """
        for piece in found:
            if piece.first:
                self._begin(piece.name)
            if piece.name == "kind":
                self._take_kind(piece)
            else:
                self._take_bytes(piece.data, file)
        if self.kind is None or "file" not in self._seen:
            raise _invalid(*sorted({"file", "kind"} - self._seen), why="Missing data for required field.")
        if not self.size:
            raise _invalid("file", why="Empty.")
        file.seek(0)
        return self.kind

    def _begin(self, name: str) -> None:
        if name not in ("file", "kind"):
            raise _invalid(name[:_LONGEST_NAME], why="Unknown field.")
        if name in self._seen:
            raise _invalid(name, why="Given twice.")
        self._seen.add(name)

    def _take_kind(self, piece: Piece) -> None:
        self._kind_text += piece.data[:_LONGEST_NAME]
        if piece.last or len(self._kind_text) >= _LONGEST_NAME:
            self.kind = KINDS.get(self._kind_text.decode(errors="replace"))
            if self.kind is None:
                raise _invalid("kind", why=f"Must be one of: {', '.join(KINDS)}.")
            self._require_limit()

    def _take_bytes(self, data: bytes, file: BinaryIO) -> None:
        self.size += len(data)
        self._require_limit()
        with _spooling():
            off_the_loop(partial(_write_all, file, data), pool=_SPOOLING)

    def _require_limit(self) -> None:
        most = MOST_BYTES[self.kind] if self.kind else MOST
        if self.size > most:
            raise Refused(Code.MEDIA_TOO_LARGE, f"more than {most} bytes")


def _write_all(file: BinaryIO, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


@contextmanager
def _spooling() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        log.warning("upload_not_spooled", reason=str(error))
        raise Refused(Code.UNAVAILABLE, "no room for uploads", retry_after=5) from error


def _invalid(*fields: str, why: str) -> Refused:
    return Refused(Code.INVALID, fields={name: [why] for name in fields})
