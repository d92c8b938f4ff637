"""Uploads of the tests' own, as rows alone: their bytes lie nowhere."""

from datetime import UTC, datetime
from secrets import token_bytes
from typing import Any

from sqlalchemy import Connection, create_engine, insert, select
from sqlalchemy.orm import Session

from db.blob import Blob
from db.media import Media
from db.media_use import MediaUse
from db.session import write
from tests.messaging.conftest import ALICE, draft, read

IMAGE, VOICE, VIDEO, FILE = 2, 3, 4, 5


def upload(user_id: int = ALICE, kind: int = IMAGE, *, size: int = 7, **columns: Any) -> str:
    """Store an upload that no message carries yet. Returns its id."""
    return str(write(lambda session, now: _insert(session, user_id, kind, size, now, columns)))


def upload_into(database_url: str, user_id: int, kind: int = IMAGE, *, size: int = 7, **columns: Any) -> str:
    """Store an upload in the database of other processes. Returns its id."""
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    engine = create_engine(database_url)
    try:
        with engine.begin() as connection:
            return _insert(connection, user_id, kind, size, now, columns)
    finally:
        engine.dispose()


def _insert(
    database: Session | Connection, user_id: int, kind: int, size: int, now: datetime, columns: dict[str, Any]
) -> str:
    media_id = token_bytes(16).hex()
    blob = {"sha256": token_bytes(32), "size": size, "name": media_id, "create_time": now}
    blob_id = database.execute(insert(Blob).values(blob)).inserted_primary_key[0]  # type: ignore[union-attr,index]
    row = {"id": media_id, "user_id": user_id, "kind": kind, "blob_id": blob_id, "content_type": "image/png"}
    row |= {"unused_since": now, "create_time": now, "sent": False}
    database.execute(insert(Media).values(row | columns))
    return media_id


def carrying(media_id: str, message_type: int = IMAGE, extra: str = "", **fields: Any) -> dict[str, Any]:
    """Returns the fields of a draft that carries an upload; `extra` is more JSON, from a comma on."""
    text = f'{{"media_id":"{media_id}"{extra}}}'
    return {"content": "", "message_type": message_type, "extra": text, "media_id": media_id} | fields


def picture(from_user_id: int, to_user_id: int, media_id: str, **fields: Any) -> Any:
    """Returns a draft of a picture."""
    return draft(from_user_id, to_user_id, **carrying(media_id, **fields))


def uses(media_id: str) -> list[tuple[int, str, int, int, int]]:
    """Returns which messages carry an upload: message_id, conversation_id, seq, low_id, high_id of each."""
    columns = (MediaUse.message_id, MediaUse.conversation_id, MediaUse.seq, MediaUse.low_id, MediaUse.high_id)
    statement = select(*columns).where(MediaUse.media_id == media_id).order_by(MediaUse.message_id)
    return [tuple(row) for row in read(lambda session: session.execute(statement).all())]


def is_used(media_id: str) -> bool:
    """Returns whether the upload's own row says that a message carries it. Fails when its columns contradict it."""
    row = read(lambda session: session.get_one(Media, media_id))
    assert row.sent or row.unused_since is not None
    return bool(row.unused_since is None)
