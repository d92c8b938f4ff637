"""A multipart body (RFC 7578), read piece by piece, so that nothing of it is ever whole in memory.

Not by werkzeug's MultipartDecoder: it can add a carriage return to a file, where a read ends within the separator
behind it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flask import Request, abort
from werkzeug.http import parse_options_header

from messaging.errors import Code, Refused

PIECE = 64 * 1024  # bytes
_MOST_HEADERS = 8 * 1024  # bytes; of what stands before the first part as well
_LONGEST_BOUNDARY = 70


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of the part `name`: at most 64 KiB and a little. The `first` and the `last` of a part can be one."""

    name: str
    data: bytes
    first: bool
    last: bool


def boundary(request: Request) -> bytes:
    """Returns what separates the parts of a request's body. Aborts with 415, or raises Refused(INVALID)."""
    if request.mimetype != "multipart/form-data":
        abort(415, "send multipart/form-data")
    found = request.mimetype_params.get("boundary", "").encode()
    if not 1 <= len(found) <= _LONGEST_BOUNDARY:
        raise Refused(Code.INVALID, "the content type names no boundary of 1 to 70 characters")
    return found


def pieces(read: Callable[[int], bytes], separator: bytes) -> Iterator[Piece]:
    """Yields the parts of a body, in the order in which they come, until its last separator.

    `read(size)` returns up to `size` bytes of the body, none at its end. Raises Refused: INVALID for a body that is
    malformed or cut off, TOO_LARGE for a part whose headers are.
    """
    delimiter = b"\r\n--" + separator
    held = _Held(read, b"\r\n")  # the first separator needs no line before it
    held.upto(delimiter)
    while not held.starts_with(b"--"):
        name, first = _name(held.upto(b"\r\n\r\n")), True
        while (end := held.bytes.find(delimiter)) < 0:
            if data := held.take(len(held.bytes) - len(delimiter) + 1):  # the rest may be the begin of a delimiter
                yield Piece(name, data, first, last=False)
                first = False
            held.more()
        yield Piece(name, held.take(end), first, last=True)
        held.take(len(delimiter))


class _Held:
    """What has been read and not yet taken."""

    def __init__(self, read: Callable[[int], bytes], begin: bytes) -> None:
        self.bytes = bytearray(begin)
        self._read = read

    def more(self) -> None:
        data = self._read(PIECE)
        if not data:
            raise Refused(Code.INVALID, "the body was cut off")
        self.bytes += data

    def take(self, count: int) -> bytes:
        """Returns the first `count` bytes, none for a negative count, and holds them no longer."""
        found = bytes(self.bytes[: max(0, count)])
        del self.bytes[: len(found)]
        return found

    def upto(self, mark: bytes) -> bytes:
        """Take everything up to `mark`, and the mark. Returns what is before it."""
        while (end := self.bytes.find(mark)) < 0 and len(self.bytes) <= _MOST_HEADERS:
            self.more()
        if not 0 <= end <= _MOST_HEADERS:
            raise Refused(Code.TOO_LARGE, f"more than {_MOST_HEADERS} bytes before a field")
        return self.take(end + len(mark))[:end]

    def starts_with(self, mark: bytes) -> bool:
        while len(self.bytes) < len(mark):
            self.more()
        return self.bytes.startswith(mark)


def _name(head: bytes) -> str:
    """Returns the name of a part, from its separator's line and its headers. Raises Refused(INVALID)."""
    try:
        padding, *lines = head.decode().split("\r\n")
    except UnicodeDecodeError as error:
        raise Refused(Code.INVALID, "the headers of a field are not UTF-8") from error
    headers = {name.strip().lower(): value for name, _, value in (line.partition(":") for line in lines)}
    kind, options = parse_options_header(headers.get("content-disposition"))
    if padding.strip(" \t") or kind != "form-data" or "name" not in options:
        raise Refused(Code.INVALID, "a field without a name")
    return options["name"]
