"""WebP: the chunks that are needed to show it. XMP, EXIF but for the orientation and what follows the end go."""

from collections.abc import Iterator

from infra.decoders import orientation
from infra.decoders.found import NotThisKind

_KEPT = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"}
_HEADER_BYTES = 12
# Flags of VP8X that tell of chunks which may go.
_HAS_EXIF, _HAS_XMP = 0x08, 0x04


def parts(data: bytes) -> Iterator[bytes]:
    """Yields the bytes that stay, in order. Raises NotThisKind for what is no whole WebP."""
    chunks = list(_chunks(data))
    exif = b"".join(orientation.minimal(content) for name, content in chunks if name == b"EXIF")
    kept = [(name, _flagged(name, content, exif)) for name, content in chunks if name in _KEPT]
    if exif and kept[0][0] == b"VP8X":
        kept.append((b"EXIF", exif.removeprefix(b"Exif\0\0")))
    yield b"RIFF" + (4 + sum(8 + len(each) + len(each) % 2 for _, each in kept)).to_bytes(4, "little") + b"WEBP"
    for name, content in kept:
        yield name + len(content).to_bytes(4, "little") + content + b"\0" * (len(content) % 2)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data) + 1:  # some writers leave out the last byte of padding
        raise NotThisKind("a WebP that is cut off")
    at = _HEADER_BYTES
    while at + 8 <= end:
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + length > min(end, len(data)):
            raise NotThisKind("a WebP that is cut off or damaged")
        yield data[at : at + 4], data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _flagged(name: bytes, content: bytes, exif: bytes) -> bytes:
    if name != b"VP8X" or not content:
        return content
    return bytes([content[0] & ~_HAS_XMP & ~(0 if exif else _HAS_EXIF)]) + content[1:]
