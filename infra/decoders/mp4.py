"""MP4 and M4A: boxes that are not needed to play it become `free` boxes of the same size, so that no offset changes.

These are the user data of a film and of its tracks, where phones put the place, and boxes of makers. Times of
recording go as well.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

from infra.decoders.found import NotThisKind

# The brands of what browsers play. HEIF pictures and QuickTime films have others.
_BRANDS = {
    *(
        b"isom",
        b"iso2",
        b"iso3",
        b"iso4",
        b"iso5",
        b"iso6",
        b"iso7",
        b"iso8",
        b"iso9",
        b"mp41",
        b"mp42",
        b"avc1",
        b"hvc1",
    ),
    *(
        b"hev1",
        b"av01",
        b"M4A ",
        b"M4B ",
        b"M4V ",
        b"M4VH",
        b"M4VP",
        b"dash",
        b"cmfc",
        b"cmfs",
        b"MSNV",
        b"f4v ",
        b"mmp4",
    ),
    *(b"3gp4", b"3gp5", b"3gp6", b"3gp7"),
}
# Those of pictures, which need the boxes that films do not.
_PICTURES = {
    *(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1", b"miaf"),
    *(b"avif", b"avis", b"avci", b"avcs", b"jpeg", b"jpgs", b"j2ki", b"j2is", b"crx "),
}
_KEPT = {
    b"": {b"ftyp", b"moov", b"mdat", b"moof", b"mfra", b"sidx", b"ssix", b"styp"},
    b"moov": {b"mvhd", b"trak", b"mvex", b"iods", b"cmov"},  # the last is all there is of some old QuickTime films
    b"trak": {b"tkhd", b"edts", b"tref", b"mdia", b"tapt"},
    b"mdia": {b"mdhd", b"hdlr", b"minf"},
    b"moof": {b"mfhd", b"traf"},
    b"traf": {b"tfhd", b"tfdt", b"trun", b"sdtp", b"sbgp", b"sgpd", b"subs"},
}
_TIMED = {b"mvhd", b"tkhd", b"mdhd"}
_MOST_BOXES = 200_000
_PIECE = bytes(65_536)


class _Box(NamedTuple):
    name: bytes
    start: int
    content: int
    end: int
    within: bytes


def is_playable(head: bytes) -> bool:
    """Returns whether a file that begins so says that it is an MP4."""
    return head[4:8] == b"ftyp" and head[8:12] in _BRANDS


def is_film(head: bytes) -> bool:
    """Returns whether a file that begins so is made as an MP4 is, played by browsers or not: QuickTime's, say."""
    return head[4:8] == b"ftyp" and head[8:12] not in _PICTURES


def clean(file: BinaryIO) -> None:
    """Overwrite, in place, what tells of places, persons and times. Raises NotThisKind for what is no whole MP4."""
    end = file.seek(0, 2)
    for count, box in enumerate(_boxes(file, b"", 0, end)):
        if count > _MOST_BOXES:
            raise NotThisKind("an MP4 of too many boxes")
        if box.name not in _KEPT[box.within]:
            file.seek(box.start + 4)
            file.write(b"free")
            _blank(file, box.content, box.end)
        elif box.name in _TIMED:
            file.seek(box.content)
            _blank(file, box.content + 4, box.content + (20 if file.read(1) == b"\1" else 12))


def blank(file: BinaryIO, places: Iterable[tuple[int, int]]) -> None:
    """Overwrite what lies at places, each with its length, with zeros."""
    for start, length in places:
        _blank(file, start, start + length)
    file.flush()


def _boxes(file: BinaryIO, within: bytes, at: int, end: int) -> Iterator[_Box]:
    """Yields the boxes between two places, and after each those within it that are of use here."""
    while end - at >= 8:
        file.seek(at)
        size, name = struct.unpack(">I4s", file.read(8))
        content = at + 8
        if size == 1:
            (size,) = struct.unpack(">Q", file.read(8))
            content += 8
        elif size == 0 and not within:
            size = end - at
        if not content <= at + size <= end:
            raise NotThisKind("an MP4 that is cut off or damaged")
        yield _Box(name, at, content, at + size, within)
        if name in _KEPT and name in _KEPT[within]:
            yield from _boxes(file, name, content, at + size)
        at += size


def _blank(file: BinaryIO, start: int, end: int) -> None:
    file.seek(start)
    for left in range(end - start, 0, -len(_PIECE)):
        file.write(_PIECE[:left])
