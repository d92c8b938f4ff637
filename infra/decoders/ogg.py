"""Ogg/Opus: its comments become padding of the same size, so that no page moves."""

from typing import BinaryIO

from infra.decoders.found import NotThisKind

_HEADER_BYTES = 27
_CHECKSUM_AT = 22
_CONTINUED = 0x01
_MOST_COMMENTS = 1 << 20  # bytes: a checksum takes Python a second for six million
_TAGS = b"OpusTags"
_NO_TAGS = _TAGS + bytes(8)  # of no encoder, and none


def clean(file: BinaryIO) -> None:
    """Overwrite, in place, the comments of every stream. Raises NotThisKind for no Ogg or much comment."""
    comments = 0
    within = False  # comments that go on in the next page
    file.seek(0)
    while header := file.read(_HEADER_BYTES):
        if len(header) < _HEADER_BYTES or header[:4] != b"OggS":
            raise NotThisKind("an Ogg that is cut off or damaged")
        lengths = file.read(header[-1])
        body = file.read(sum(lengths))
        begins = not header[5] & _CONTINUED and body.startswith(_TAGS)
        if begins or within:
            comments += len(body)
            if comments > _MOST_COMMENTS:
                raise NotThisKind("an Ogg of too many comments")
            blank = (_NO_TAGS if begins else b"").ljust(len(body), b"\0")[: len(body)]
            within = bool(lengths) and lengths[-1] == 255
            page = header[:_CHECKSUM_AT] + bytes(4) + header[_CHECKSUM_AT + 4 :] + lengths + blank
            file.seek(-len(header) - len(lengths) - len(body), 1)
            file.write(page[:_CHECKSUM_AT] + _checksum(page).to_bytes(4, "little") + page[_CHECKSUM_AT + 4 :])


def _checksum(page: bytes) -> int:
    value = 0
    for byte in page:
        value = (value << 8 & 0xFFFFFFFF) ^ _TABLE[value >> 24 ^ byte]
    return value


def _entry(index: int) -> int:
    value = index << 24
    for _ in range(8):
        value = value << 1 ^ (0x104C11DB7 if value & 0x80000000 else 0)
    return value


_TABLE = [_entry(index) for index in range(256)]
