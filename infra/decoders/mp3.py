"""MP3 and bare AAC: the frames of sound. Tags before and behind them, with titles, pictures and comments, go."""

from typing import BinaryIO

_HEADER_BYTES = 10
_OLD_TAG_BYTES = 128
_PIECE_BYTES = 1 << 20


def clean(source: BinaryIO, output: BinaryIO) -> None:
    """Copy what lies between the tags."""
    end = source.seek(0, 2)
    if end >= _OLD_TAG_BYTES:
        source.seek(end - _OLD_TAG_BYTES)
        if source.read(3) == b"TAG":
            end -= _OLD_TAG_BYTES
    at = _sound(source)
    source.seek(at)
    while at < end and (piece := source.read(min(_PIECE_BYTES, end - at))):
        output.write(piece)
        at += len(piece)


def _sound(source: BinaryIO) -> int:
    """Returns where the tags at the beginning end."""
    at = 0
    source.seek(0)
    while (header := source.read(_HEADER_BYTES))[:3] == b"ID3" and len(header) == _HEADER_BYTES:
        size = 0
        for each in header[6:]:
            size = size << 7 | each & 0x7F
        at += _HEADER_BYTES + size + (_HEADER_BYTES if header[5] & 0x10 else 0)
        source.seek(at)
    return at
