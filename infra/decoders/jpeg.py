"""JPEG: what is needed to show it. EXIF but for the orientation, XMP, IPTC, comments and what follows the end go."""

import re
from collections.abc import Iterator

from infra.decoders import orientation
from infra.decoders.found import CutOff

_EXIF = b"Exif\0\0"
_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_ALONE = {0x01, *range(0xD0, 0xD8)}  # markers without a length
_APPS = range(0xE0, 0xF0)
_COMMENT = 0xFE
# By marker: what tells that an application's segment is needed.
_KEPT = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
_MOST_SCANS = 100  # each goes over the whole picture; encoders write about ten
_AFTER_SCAN = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]")  # neither a stuffed FF nor a restart


def parts(data: bytes) -> Iterator[bytes]:
    """Yields the bytes that stay, in order. Raises CutOff for what is no whole JPEG."""
    yield data[:2]
    at = 2
    turned = False
    scans = 0
    while True:
        marker, at = _marker(data, at)
        if marker == _END:
            yield b"\xff\xd9"
            return
        if marker in _ALONE:
            continue
        end = at + int.from_bytes(data[at : at + 2])
        segment = data[at + 2 : end]
        if marker == _START or end < at + 2 or end > len(data):
            raise CutOff("a JPEG that is cut off or damaged", at - 2)
        if marker == 0xE1 and segment.startswith(_EXIF) and not turned:
            segment = orientation.minimal(segment)
            turned = bool(segment)
        elif marker == _COMMENT or (marker in _APPS and not segment.startswith(_KEPT.get(marker, b"\0nothing"))):
            segment = b""
        if segment or not (marker == _COMMENT or marker in _APPS):
            yield bytes((0xFF, marker)) + (len(segment) + 2).to_bytes(2) + segment
        at = end
        if marker == _SCAN:
            scans += 1
            found = _AFTER_SCAN.search(data, at)
            if not found or scans > _MOST_SCANS:
                raise CutOff("a JPEG that is cut off, or of too many scans", at)
            yield data[at : found.start()]
            at = found.start()


def _marker(data: bytes, at: int) -> tuple[int, int]:
    """Returns the marker at a place, and where what follows it begins."""
    begin = at
    while data[at : at + 1] == b"\xff":
        at += 1
    if at == begin or at >= len(data):
        raise CutOff("a JPEG that is cut off or damaged", begin)
    return data[at], at + 1
