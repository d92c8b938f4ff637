"""The audit of the storage: bytes that a row names and that are gone, and bytes that no row names.

Names in the storage and in the rows are walked side by side, in their order. Both change meanwhile: what seems to be
wrong is looked at again before it is told.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import groupby

from db.session import read
from infra.storage import Missing, Stored, storage
from messaging import media_audit, media_upkeep
from messaging.media_audit import Named

PAGE = 1_000
_MESSAGES_TOLD = 100


@dataclass(frozen=True, slots=True)
class Fault:
    """Bytes in the storage, by their name: gone, of a wrong size, or named by no row for a day.

    `message_ids` are those of the messages that carry them, a hundred at most.
    """

    what: str
    name: str
    message_ids: tuple[int, ...] = ()


def faults() -> Iterator[Fault]:
    """Yields what is wrong, in the order of the names. Raises DatabaseUnavailable, StorageAway."""
    both: Iterator[Stored | Named] = merge(_stored(), _named(), key=_name)
    for name, some in groupby(both, key=_name):
        found = list(some)
        row = next((each for each in found if isinstance(each, Named)), None)
        seen = next((each for each in found if isinstance(each, Stored)), None)
        if row is None and seen is not None:
            if read(media_upkeep.unknown, stored=[(name, seen.modified)]):
                yield Fault("named by no row", name)
        elif row is not None and (what := _wrong(row, seen)):
            yield Fault(what, name, tuple(read(media_audit.carrying, blob_id=row.blob_id, limit=_MESSAGES_TOLD)))


def _name(each: Stored | Named) -> str:
    return each.name


def _wrong(row: Named, seen: Stored | None) -> str | None:
    """Returns what is wrong with the bytes of a row, of which the listing has `seen` this."""
    if seen and row.size in (None, seen.size):
        return None
    try:
        size = storage().size(row.name)
    except Missing:
        if not read(media_audit.is_named, name=row.name):
            return None  # both were removed meanwhile
        return "gone" if row.size is not None else "thumbnail gone"
    return None if row.size in (None, size) else "of a wrong size"


def _stored() -> Iterator[Stored]:
    after = ""
    while page := storage().names(after, PAGE):
        yield from page
        after = page[-1].name


def _named() -> Iterator[Named]:
    after = ""
    while page := read(media_audit.named, after=after, limit=PAGE):
        yield from page
        after = page[-1].name
