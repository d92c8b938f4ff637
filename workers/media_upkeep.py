"""The job of media that beat sends: it removes what nothing needs, and has lost thumbnails made.

It may run at any time, twice, or not at all. A run does a bounded part of the work, and the next goes on.
"""

import time
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from db.session import read, write
from infra import logs
from infra.metrics import media_cleaned
from infra.redis import client
from infra.storage import StorageAway, storage
from infra.tasks import Task, app, send
from messaging import media_upkeep, thumbnails

log = logs.get(__name__)

_SPELL_SECONDS = 20.0
_RECENTLY_MS = 30_000
_UPLOADS = 100  # removed in one transaction
PAGE = 1_000  # blobs, and names in the storage: S3 lists as many in one answer
THUMBNAILS = 100  # sent again: the others' tasks may be in the queue still
_THUMBNAIL_AGE = timedelta(minutes=1)
_THUMBNAILS_CURSOR = "im:media:thumbnails"
_BLOBS_CURSOR = "im:media:blobs"
_NAMES_CURSOR = "im:media:names"


@app.task(name=Task.CLEAN_MEDIA)
def clean() -> None:
    """Have lost thumbnails made; remove unused uploads, and a page of bytes that nothing names.

    Raises DatabaseUnavailable, RedisError.
    """
    if not client().set("im:media:cleaned", 1, nx=True, px=_RECENTLY_MS):
        return  # they pile up in the queue while media workers are away
    until = time.monotonic() + _SPELL_SECONDS
    _ask_again()
    try:
        _remove_unused(until)
        _remove_stray_blobs()
        _remove_unknown()
    except StorageAway as error:
        log.warning("media_not_cleaned", reason=str(error))  # what has no row any more is found by its name


def _ask_again() -> None:
    """Send the tasks of the next thumbnails that are wanted: those that fail again and again hold up no others."""
    after = int(client().get(_THUMBNAILS_CURSOR) or 0)
    page = read(thumbnails.overdue, older_than=_THUMBNAIL_AGE, after=after, limit=THUMBNAILS)
    for blob_id in page:
        send(Task.MAKE_THUMBNAIL, blob_id)
    client().set(_THUMBNAILS_CURSOR, page[-1] if len(page) == THUMBNAILS else 0)


def _remove_unused(until: float) -> None:
    while time.monotonic() < until:
        removed = write(media_upkeep.remove_unused, limit=_UPLOADS)
        _count(removed)
        if removed.uploads < _UPLOADS:
            return


def _remove_stray_blobs() -> None:
    after = int(client().get(_BLOBS_CURSOR) or 0)
    strays, last = read(media_upkeep.stray_blobs, after=after, limit=PAGE)
    if strays:
        _count(write(media_upkeep.remove_blobs, ids=strays))
    client().set(_BLOBS_CURSOR, last)


def _count(removed: media_upkeep.Removed) -> None:
    media_cleaned.labels(what="upload").inc(removed.uploads)
    media_cleaned.labels(what="blob").inc(removed.blobs)
    if removed.names:
        storage().remove(removed.names)


def _remove_unknown() -> None:
    """Remove those of a page of names in the storage that are a day old and in no row."""
    found: Any = client().get(_NAMES_CURSOR) or b""
    after = found.decode()
    page = storage().names(after, PAGE)
    _remove(read(media_upkeep.removable, stored=[(each.name, each.modified) for each in page]))
    client().set(_NAMES_CURSOR, page[-1].name if len(page) == PAGE else "")


def _remove(names: Collection[str]) -> None:
    if names:
        storage().remove(names)
        media_cleaned.labels(what="unknown").inc(len(names))
        log.warning("unknown_media_removed", names=len(names))
