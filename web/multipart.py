"""A multipart body, read piece by piece, so that nothing of it is ever whole in memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flask import Request, abort
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Field, File, MultipartDecoder, NeedData, State

from messaging.errors import Code, Refused

PIECE = 64 * 1024  # bytes
_MOST_WAITING = 2 * PIECE  # bytes of a part's headers, or of what stands before the first part
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
    decoder = MultipartDecoder(separator, max_form_memory_size=_MOST_WAITING)
    name, first = "", True
    try:
        while decoder.state is not State.EPILOGUE:
            event = decoder.next_event()
            if isinstance(event, NeedData):
                decoder.receive_data(read(PIECE) or None)
            elif isinstance(event, Field | File):
                name, first = event.name or "", True
            elif isinstance(event, Data):
                yield Piece(name, event.data, first, last=not event.more_data)
                first = False
    except RequestEntityTooLarge as error:
        raise Refused(Code.TOO_LARGE, "more than 64 KiB around the fields") from error
    except ValueError as error:
        raise Refused(Code.INVALID, "the body is malformed, or was cut off") from error
