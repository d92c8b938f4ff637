"""What an examination finds, and how it ends when it finds nothing."""

from dataclasses import dataclass
from typing import BinaryIO

# What browsers may show in place: formats that carry no script. HTML and SVG never get a type of their own.
INLINE = frozenset(
    {
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/webp",
        "audio/aac",
        "audio/mp4",
        "audio/mpeg",
        "audio/ogg",
        "audio/webm",
        "video/mp4",
        "video/webm",
    }
)


class NotThisKind(Exception):
    """The bytes are not what their kind allows, or are damaged, or too much for a decoder. The text says why."""


class TooLong(Exception):
    """The voice is longer than a voice may be."""


class Unavailable(Exception):
    """The examination did not take place: no process, no time, no room on the disk. The same bytes may pass later."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What is to be stored of an upload.

    `width` and `height` are pixels as shown, `duration` is in milliseconds; 0 is unknown. `size` and `sha256` are of the
    bytes of `file`, which stands at its beginning: the source itself, or another file without a name, which the caller
    closes.
    """

    content_type: str
    width: int
    height: int
    duration: int
    size: int
    sha256: bytes
    file: BinaryIO
