"""WebM: tags, attachments, title and date become `Void` elements of the same size, so that no offset changes."""

from typing import BinaryIO

from infra.decoders.found import NotThisKind

_SEGMENT, _INFO, _CLUSTER, _VOID = 0x18538067, 0x1549A966, 0x1F43B675, 0xEC
# Tags, Attachments, Chapters, Title, SegmentFilename, DateUTC, a checksum over these, and what was void before.
_GO = {0x1254C367, 0x1941A469, 0x1043A770, 0x7BA9, 0x7384, 0x4461, 0xBF, _VOID}
_MOST_ELEMENTS = 1_000_000


def clean(file: BinaryIO) -> None:
    """Overwrite, in place, what is not needed to play it. Raises NotThisKind for what is made of no elements."""
    end = file.seek(0, 2)
    at = 0
    for _ in range(_MOST_ELEMENTS):
        if at >= end:
            return
        file.seek(at)
        name = _number(file, marked=True)
        size = _number(file, marked=False)
        content = file.tell()
        if name in (_SEGMENT, _INFO) or (name == _CLUSTER and size is None):
            at = content  # what is within comes next
        elif size is None:
            raise NotThisKind("a WebM with an element without an end")
        else:
            behind = content + size
            if name in _GO:
                _void(file, at, min(behind, end))
            at = behind
    raise NotThisKind("a WebM of too many elements")


def _number(file: BinaryIO, *, marked: bool) -> int | None:
    """Returns the next number, with the bit that marks its length when it is a name; None for a size not known."""
    first = file.read(1)
    length = 9 - first[0].bit_length() if first else 9
    rest = file.read(length - 1)
    if length > 8 or len(rest) < length - 1:
        raise NotThisKind("a WebM that is cut off or damaged")
    value = int.from_bytes(first + rest)
    if marked:
        return value
    most = (1 << 7 * length) - 1
    return None if value & most == most else value & most


def _void(file: BinaryIO, start: int, end: int) -> None:
    """Overwrite a whole element of at least two bytes."""
    length = end - start
    long = length - 2 > 126
    header = b"\xec\x01" + (length - 9).to_bytes(7) if long else bytes((_VOID, 0x80 | (length - 2)))
    file.seek(start)
    file.write(header + bytes(length - len(header)))
