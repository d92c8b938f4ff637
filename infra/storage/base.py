"""What a storage of uploads does, whichever it is.

Bytes lie under random names that are used once, and are never changed. A name is written down in the database when its
bytes are whole, so that whatever a crash leaves half is under a name that nobody has.
"""

import re
import secrets
from collections.abc import Collection
from typing import BinaryIO, NamedTuple, Protocol

CHUNK = 64 * 1024
# Threads of their own, so that a slow storage keeps no other work waiting, and slow puts no reader.
PUTTING, ASKING = "storage, putting", "storage, asking"
_NAME = re.compile("[0-9a-f]{32}")


class Missing(Exception):
    """The storage has no bytes under this name."""


class Damaged(Missing):
    """Fewer bytes lie under this name than are asked for: they were cut off after they had been stored."""


class StorageAway(Exception):
    """The storage cannot be reached, is full, or refuses us: the same request may succeed later."""


class Stored(NamedTuple):
    """A name in the storage, with its bytes' number and the Unix second in which they were written."""

    name: str
    size: int
    modified: int


class Reading(Protocol):
    """An iterator of bytes, at most CHUNK at a time. `close` frees what it holds, also before its end."""

    def __iter__(self) -> "Reading": ...

    def __next__(self) -> bytes: ...

    def close(self) -> None: ...


class Storage(Protocol):
    """A place for bytes. Each call may take long, and holds up no other greenlet. Each raises StorageAway."""

    def put(self, name: str, source: BinaryIO) -> None:
        """Store what `source` holds from its current position on. It lasts when this returns."""

    def read(self, name: str, start: int, length: int) -> Reading:
        """Returns `length` bytes from `start` on.

        Raises Missing here; Damaged also while it is read, as StorageAway.
        """

    def size(self, name: str) -> int:
        """Returns the number of bytes. Raises Missing."""

    def remove(self, names: Collection[str]) -> None:
        """Remove the bytes under these names; names that are missing already are none of its business."""

    def names(self, after: str, limit: int) -> list[Stored]:
        """Returns at most `limit` names greater than `after`, in their order. Other people's files are left out."""

    def address(self, name: str, seconds: int, content_type: str, *, inline: bool) -> str | None:
        """Returns a URL at which the storage itself gives the bytes to anybody for so long, None when it has none."""


def new_name() -> str:
    """Returns a name that was never used."""
    return secrets.token_hex(16)


def is_name(text: str) -> bool:
    """Returns whether the text is of the form of `new_name`."""
    return _NAME.fullmatch(text) is not None
