"""Uploads as a deployment holds them: rows in its database, and bytes in its storage, written without its doors."""

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from db.blob import Blob, ThumbnailState
from db.media import Media
from db.media_use import MediaUse
from db.message import Message
from db.session import write
from infra.settings import settings
from infra.storage import Storage, new_name, storage
from tests import databases
from tests.people import User


class Uploads:
    """The uploads of a deployment with this database, and with these settings of its storage."""

    def __init__(self, database_url: str, environment: dict[str, str]) -> None:
        self._url = database_url
        self._environment = environment

    def add(self, user_id: int, data: bytes, content_type: str = "image/png", *, thumbnail: bytes | None = None) -> str:
        """Store an upload that no message carries. Returns its media_id."""
        media_id = os.urandom(16).hex()
        with self.storage() as place:
            names = [self._put(place, each) for each in (data, thumbnail) if each is not None]
            blob = {"sha256": sha256(data + media_id.encode()).digest(), "size": len(data), "name": names[0]}
            if thumbnail is not None:
                blob |= {"thumbnail_state": ThumbnailState.MADE, "thumbnail_name": names[1]}
            row = {"id": media_id, "user_id": user_id, "kind": 2, "content_type": content_type}

            def rule(session: Session, now: datetime) -> None:
                made = session.execute(insert(Blob).values(blob | {"create_time": now}))
                blob_id = (made.inserted_primary_key or [None])[0]
                times = {"create_time": now, "unused_since": now}
                session.execute(insert(Media).values(row | times | {"blob_id": blob_id}))

            write(rule)
        return media_id

    def carry(self, media_id: str, one: User, other: User) -> None:
        """Have a message between two users carry an upload."""
        low, high = sorted((one.id, other.id))
        name, number = f"{low}_{high}", int.from_bytes(os.urandom(4))
        now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
        message = {"id": number, "conversation_id": name, "seq": number, "change_seq": number, "content": ""}
        message |= {"from_user_id": one.id, "to_user_id": other.id, "message_type": 2}
        message |= {"create_time": now, "update_time": now}
        use = {"media_id": media_id, "message_id": number, "conversation_id": name, "seq": number}
        use |= {"low_id": low, "high_id": high}
        self._write(lambda session: session.execute(insert(Message).values(message)))
        self._write(lambda session: session.execute(insert(MediaUse).values(use)))
        sent = update(Media).where(Media.id == media_id).values(sent=True, unused_since=None)
        self._write(lambda session: session.execute(sent))

    def withdraw(self, media_id: str) -> None:
        """Have no message carry an upload any more."""
        self._write(lambda session: session.execute(delete(MediaUse).where(MediaUse.media_id == media_id)))

    def lose(self, media_id: str) -> None:
        """Point an upload at bytes that the storage does not have."""
        blob_id = self._write(lambda session: session.get_one(Media, media_id).blob_id)
        lost = update(Blob).where(Blob.id == blob_id).values(name=new_name(), thumbnail_name=new_name())
        self._write(lambda session: session.execute(lost))

    @contextmanager
    def storage(self) -> Iterator[Storage]:
        """Yields the deployment's storage, as this process uses it."""
        with databases.configured(self._url), pytest.MonkeyPatch.context() as patch:
            for name, value in self._environment.items():
                patch.setenv(name, value)
            settings.cache_clear()
            yield storage()

    def _write(self, rule: Callable[[Session], Any]) -> Any:
        with databases.configured(self._url):
            return write(lambda session, _: rule(session))

    def _put(self, place: Storage, data: bytes) -> str:
        name = new_name()
        place.put(name, io.BytesIO(data))
        return name
