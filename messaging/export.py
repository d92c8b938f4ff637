"""The lists of what is a user's, a page at a time, for an export. What they may see of it, other rules say."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from db.conversation import Conversation
from db.media import Media

_VIEW = (
    *(Conversation.conversation_id, Conversation.is_top, Conversation.is_mute),
    *(Conversation.read_seq, Conversation.first_seq, Conversation.upto_seq),
)


def conversations(
    session: Session, _now: datetime, *, user_id: int, after: str, limit: int
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Returns up to `limit` of the user's rows of conversations that follow the id `after`: also of those hidden."""
    mine = select(*_VIEW).where(Conversation.user_id == user_id, Conversation.conversation_id > after)
    return session.execute(mine.order_by(Conversation.conversation_id).limit(limit)).all()


def uploads(
    session: Session, _now: datetime, *, user_id: int, since: datetime, after: str, limit: int
) -> Sequence[Row[datetime, str]]:
    """Returns the times and ids of up to `limit` uploads of the user, the oldest first, behind this time and id."""
    # The time alone first: an index has it, and MariaDB takes no range from the alternative.
    mine = select(Media.create_time, Media.id).where(Media.user_id == user_id, Media.create_time >= since)
    later = mine.where((Media.create_time > since) | (Media.id > after))
    return session.execute(later.order_by(Media.create_time, Media.id).limit(limit)).all()
