"""The task that makes the thumbnail of a picture or a video, and tells those who have its message already.

Media workers alone run it. What a worker that dies leaves undone is found by workers/media_upkeep.py.
"""

import tempfile
from io import BytesIO
from typing import BinaryIO

from actions import work
from db.blob import ThumbnailState
from db.session import write
from infra import logs
from infra.media import NotThisKind, Unavailable, thumbnail
from infra.metrics import thumbnails as made
from infra.storage import Missing, StorageAway, new_name, storage
from infra.tasks import AWAY, Task, app
from messaging import thumbnails
from messaging.blob_messages import BEGINNING, Place

log = logs.get(__name__)


@app.task(name=Task.MAKE_THUMBNAIL)
def make_thumbnail(blob_id: int) -> None:
    """Make the thumbnail that a blob wants, and tell the messages that carry it. Raises DatabaseUnavailable.

    A try that ends with its worker counts, so that no picture is tried for ever.
    """
    wanted = write(thumbnails.begin, blob_id=blob_id)
    if wanted is None:
        return
    if wanted.tries > thumbnails.MOST_TRIES and not wanted.made:
        _give_up(blob_id, "each try has ended with its worker")
    elif wanted.made or _make(blob_id, wanted):
        _tell(blob_id)


def _make(blob_id: int, wanted: thumbnails.Wanted) -> bool:
    """Returns whether there is a thumbnail now that nobody has been told of."""
    try:
        with tempfile.TemporaryFile() as source:
            _fetch(wanted, source)
            picture = thumbnail(source, wanted.content_type)
        name = new_name()
        storage().put(name, BytesIO(picture))
    except NotThisKind as error:
        _give_up(blob_id, str(error))
    except Missing:  # or too few
        log.error("media_bytes_gone", blob_id=blob_id, name=wanted.name)
        _give_up(blob_id, "its bytes are gone", ThumbnailState.NONE)  # whoever uploads them again brings them back
    except Unavailable as error:
        if wanted.tries >= thumbnails.MOST_TRIES:
            _give_up(blob_id, str(error), ThumbnailState.NONE)  # a fault of this machine, not of the bytes
        else:
            _later(blob_id, str(error))
    except (StorageAway, OSError) as error:  # no try of these bytes
        write(thumbnails.put_off, blob_id=blob_id)
        _later(blob_id, str(error))
    else:
        if write(thumbnails.keep, blob_id=blob_id, name=wanted.name, thumbnail_name=name):
            made.labels(outcome="made").inc()
            return True
        storage().remove([name])  # another worker was faster, or the upload is gone
    return False


def _fetch(wanted: thumbnails.Wanted, into: BinaryIO) -> None:
    reading = storage().read(wanted.name, 0, wanted.size)
    try:
        for chunk in reading:
            into.write(chunk)
    finally:
        reading.close()
    into.seek(0)


def _tell(blob_id: int) -> None:
    place: Place | None = BEGINNING
    while place:
        shards, place = write(thumbnails.tell, blob_id=blob_id, after=place)
        try:
            work.resume(sorted(shards))
        except AWAY as error:
            log.warning("poke_failed", reason=str(error))  # the sweep finds them
    write(thumbnails.finish, blob_id=blob_id)


def _give_up(blob_id: int, reason: str, state: ThumbnailState = ThumbnailState.FAILED) -> None:
    if write(thumbnails.give_up, blob_id=blob_id, state=state):
        made.labels(outcome="failed").inc()
        log.warning("thumbnail_failed", blob_id=blob_id, reason=reason)


def _later(blob_id: int, reason: str) -> None:
    made.labels(outcome="put_off").inc()
    log.warning("thumbnail_put_off", blob_id=blob_id, reason=reason)
