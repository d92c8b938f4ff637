"""What a decoder answers."""

from dataclasses import dataclass

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
ANYTHING = "application/octet-stream"
LONGEST_SIDE = 320  # of a thumbnail, in pixels


class NotThisKind(Exception):
    """The bytes are not what their kind allows, or are damaged, or too much for a decoder. The text says why."""


class CutOff(NotThisKind):
    """The bytes from a place on make no sense."""

    def __init__(self, why: str, at: int) -> None:
        super().__init__(why)
        self.at = at


class TooLong(Exception):
    """The voice is longer than a voice may be."""


@dataclass(frozen=True, slots=True)
class Found:
    """What an upload is: pixels as shown, milliseconds, 0 for unknown; whether a clean copy was written."""

    content_type: str
    width: int = 0
    height: int = 0
    duration: int = 0
    rewritten: bool = False
