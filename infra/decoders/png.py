"""PNG: the chunks that are needed to show it. Texts, times, EXIF but for the orientation and what follows IEND go."""

import zlib
from collections.abc import Iterator

from infra.decoders import orientation
from infra.decoders.found import CutOff

_SIGNATURE_BYTES = 8
_KEPT = {
    *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"acTL", b"fcTL", b"fdAT"),
    *(b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"bKGD", b"pHYs"),
}


def parts(data: bytes) -> Iterator[bytes]:
    """Yields the bytes that stay, in order. Raises CutOff for what is no whole PNG."""
    yield data[:_SIGNATURE_BYTES]
    at = _SIGNATURE_BYTES
    name = b""
    while name != b"IEND":
        length = int.from_bytes(data[at : at + 4])
        name = data[at + 4 : at + 8]
        content = data[at + 8 : at + 8 + length]
        at += 12 + length
        if at > len(data):
            raise CutOff("a PNG that is cut off", at - 12 - length)
        if name == b"eXIf" and (content := orientation.minimal(content)):
            yield _chunk(name, content.removeprefix(b"Exif\0\0"))
        elif name in _KEPT:
            yield data[at - 12 - length : at]


def _chunk(name: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4) + name + content + zlib.crc32(name + content).to_bytes(4)
