"""GIF: frames, palettes and how often it plays. Comments, texts, XMP and what follows the end go."""

from collections.abc import Iterator

from infra.decoders.found import CutOff

_EXTENSION, _FRAME, _END = 0x21, 0x2C, 0x3B
_CONTROL, _APPLICATION = 0xF9, 0xFF
_LOOPS = (b"\x0bNETSCAPE2.0", b"\x0bANIMEXTS1.0")


def parts(data: bytes) -> Iterator[bytes]:
    """Yields the bytes that stay, in order. Raises CutOff for what is no whole GIF."""
    if len(data) < 13:
        raise CutOff("a GIF that is cut off", 0)
    at = 13 + _palette_bytes(data[10])
    yield data[:at]
    while data[at : at + 1] != b";":
        begin = at
        block = data[at] if at < len(data) else _END
        if block == _EXTENSION and at + 1 < len(data):
            label = data[at + 1]
            at = _skip(data, begin, begin + 2)
            kept = label == _CONTROL or (label == _APPLICATION and data.startswith(_LOOPS, begin + 2))
        elif block == _FRAME and at + 9 < len(data):
            at = _skip(data, begin, at + 10 + _palette_bytes(data[at + 9]) + 1)
            kept = True
        else:
            raise CutOff("a GIF that is cut off or damaged", begin)
        if kept:
            yield data[begin:at]
    yield b";"


def _palette_bytes(flags: int) -> int:
    return 3 << (flags % 8 + 1) if flags & 0x80 else 0


def _skip(data: bytes, begin: int, at: int) -> int:
    """Returns where a series of sub-blocks ends, of the block that begins there. Raises CutOff."""
    while at < len(data) and data[at]:
        at += data[at] + 1
    if at >= len(data):
        raise CutOff("a GIF that is cut off", begin)
    return at + 1
