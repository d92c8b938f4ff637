"""An upload: its bytes are examined, stored under a name of their own, and recorded; then a thumbnail is asked for.

Invariants: bytes are stored before a row names them, and removed only when it is certain that none does. What a crash
leaves in between is bytes that no row names, which the upkeep of media removes.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from actions.soon import soon
from db.errors import OutcomeUnknown
from db.session import read, write
from infra import logs, media
from infra.storage import Missing, StorageAway, new_name, storage
from infra.tasks import Task
from infra.turns import Turns
from messaging import media as rules
from messaging.errors import Code, Refused
from messaging.media import Recorded, Upload
from messaging.message_type import MessageType

log = logs.get(__name__)

_RETRY_SECONDS = 5
_examining = Turns(30.0)  # a process has two decoders, and a hostile file keeps one for that long


class Gone(Exception):
    """The caller hung up before their upload was stored. Nothing of it is."""


def require_room(*, user_id: int, size: int) -> None:
    """Raises Refused(TOO_MANY_REQUESTS) for a user who may not upload `size` more bytes today."""
    read(rules.require_room, user_id=user_id, size=size)


def upload(*, user_id: int, kind: MessageType, source: BinaryIO, gone: Callable[[], bool] = lambda: False) -> str:
    """Store an upload, a real file, for good. Returns its media_id.

    `gone` is asked before anything is stored. Raises Refused: MEDIA_KIND, MEDIA_TOO_LARGE (too long a voice),
    TOO_MANY_REQUESTS, UNAVAILABLE; and StorageAway, DatabaseUnavailable and Gone.
    """
    with _examined(source, kind, user_id) as found:
        if gone():
            raise Gone
        new = Upload(
            media_id=secrets.token_hex(16),
            user_id=user_id,
            kind=kind,
            content_type=found.content_type,
            width=found.width,
            height=found.height,
            duration=found.duration,
            sha256=found.sha256,
            size=found.size,
            name=new_name(),
        )
        storage().put(new.name, found.file)
    recorded = _recorded(new)
    if recorded.name != new.name:
        _stored_twice(recorded, new.name, new.size)
    if recorded.wants_thumbnail:
        soon(Task.MAKE_THUMBNAIL, recorded.blob_id)
    return new.media_id


@contextmanager
def _examined(source: BinaryIO, kind: MessageType, user_id: int) -> Iterator[media.Examined]:
    """Yields what is to be stored of an upload, and closes its file. Raises Refused."""
    try:
        with _examining.turn(user_id):
            found = media.examine(source, kind.name.lower())
    except media.NotThisKind as error:
        raise Refused(Code.MEDIA_KIND, str(error)) from error
    except media.TooLong as error:
        raise Refused(Code.MEDIA_TOO_LARGE, str(error)) from error
    except TimeoutError as error:
        raise Refused(Code.TOO_MANY_REQUESTS, "other uploads are examined", retry_after=_RETRY_SECONDS) from error
    except media.Unavailable as error:
        log.warning("media_not_examined", reason=str(error))
        raise Refused(Code.UNAVAILABLE, "uploads cannot be examined now", retry_after=_RETRY_SECONDS) from error
    with found.file:
        yield found


def _recorded(new: Upload) -> Recorded:
    try:
        return write(rules.record, upload=new)
    except OutcomeUnknown:
        raise  # a row may name the bytes
    except Exception:  # not the end of a greenlet: on SQLite its transaction goes on in a thread, and may commit
        _remove(new.name)
        raise


def _stored_twice(recorded: Recorded, new: str, size: int) -> None:
    """Remove bytes that were stored before. Where those of before are gone or cut off, the new take their place."""
    with suppress(StorageAway):  # the new bytes stay, until the upkeep of media removes them
        if _stored_size(recorded.name) != size and write(
            rules.replace_bytes, blob_id=recorded.blob_id, old=recorded.name, new=new
        ):
            log.warning("bytes_replaced", blob_id=recorded.blob_id)
            _remove(recorded.name)
        else:
            _remove(new)


def _stored_size(name: str) -> int | None:
    """Returns how many bytes the storage has under a name, None for none."""
    try:
        return storage().size(name)
    except Missing:
        return None


def _remove(name: str) -> None:
    with suppress(StorageAway):
        storage().remove([name])
