"""Uploads written by hand, for tests that are about something else than uploading or sending them."""

import hashlib
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update

from db.blob import Blob, ThumbnailState
from db.media import Media
from db.media_use import MediaUse
from db.session import read, write
from infra.storage import new_name

LONG_AGO = datetime(2001, 1, 1)  # noqa: DTZ001 - times of the database have no zone


def blob(name: str = "", *, size: int = 7, **fields: Any) -> int:
    """Make the row of stored bytes. Returns its id."""
    name = name or new_name()
    values = {"sha256": hashlib.sha256(name.encode()).digest(), "name": name, "size": size} | fields

    def rule(session: Any, now: datetime) -> int:
        return int(session.execute(insert(Blob).values({"create_time": now} | values)).inserted_primary_key[0])

    return write(rule)


def wanted(name: str = "", **fields: Any) -> int:
    """Make the row of bytes whose thumbnail is wanted. Returns its id."""
    return blob(name, thumbnail_state=ThumbnailState.WANTED, **fields)


def upload(blob_id: int, *, user_id: int = 1, kind: int = 2, **fields: Any) -> str:
    """Make an upload of these bytes, which no message carries. Returns its id."""
    values = {"id": new_name(), "blob_id": blob_id, "user_id": user_id, "kind": kind, "content_type": "image/png"}
    values |= fields

    def rule(session: Any, now: datetime) -> None:
        session.execute(insert(Media).values({"create_time": now, "unused_since": now} | values))

    write(rule)
    return str(values["id"])


def carry(media_id: str, *messages: dict[str, Any]) -> None:
    """Have messages carry an upload, as their sends do."""
    uses = [
        {"media_id": media_id, "message_id": each["id"], "conversation_id": each["conversation_id"], "seq": each["seq"]}
        | dict.fromkeys(("low_id", "high_id"), 0)
        for each in messages
    ]

    def rule(session: Any, _now: datetime) -> None:
        session.execute(insert(MediaUse), uses)
        session.execute(update(Media).where(Media.id == media_id).values(sent=True, unused_since=None))

    write(rule)


def blobs() -> dict[int, Blob]:
    """Returns all rows of stored bytes by their ids."""
    return read(lambda session, _: {each.id: each for each in session.scalars(select(Blob))})


def uploads() -> set[str]:
    """Returns the ids of all uploads."""
    return read(lambda session, _: set(session.scalars(select(Media.id))))
