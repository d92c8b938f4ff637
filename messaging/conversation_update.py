"""A user's own settings of a conversation: on top, muted, or hidden from the list until the next message."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from db.conversation import Conversation
from messaging import changes, heads, rows
from messaging.conversations import views
from messaging.errors import Code, Refused
from messaging.events import ViewChanged
from messaging.members import require_member


@dataclass(frozen=True, slots=True)
class Arranged:
    """The conversation as it now is, and the outbox shard to poke."""

    conversation: dict[str, Any]
    shard: int

    @property
    def views(self) -> list[dict[str, Any]]:
        """Returns the conversation to which a name and an avatar are to be added."""
        return [self.conversation]


def arrange(
    session: Session,
    now: datetime,
    *,
    user_id: int,
    conversation_id: str,
    is_top: bool | None = None,
    is_mute: bool | None = None,
    del_state: bool | None = None,
) -> Arranged:
    """Set those of the three that are not None. Returns the conversation as it now is.

    All connections of the user get a `resync` frame. Raises Refused: NO_SUCH_CONVERSATION, INVALID when all are None.
    """
    require_member(session, conversation_id=conversation_id, user_id=user_id)
    wanted = {"is_top": is_top, "is_mute": is_mute, "del_state": None if del_state is None else int(del_state)}
    values: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
    if not values:
        raise Refused(Code.INVALID, "give is_top, is_mute or del_state")
    if "del_state" in values:
        values["delete_time"] = now if del_state else None
    head = heads.lock(session, [conversation_id])[conversation_id]
    row = rows.lock(session, now, [(conversation_id, user_id)])[conversation_id, user_id]
    change_seq = changes.record(session, now, head, ViewChanged, user_id=user_id)
    values |= {"change_seq": change_seq, "update_time": now}
    session.execute(
        update(Conversation)
        .where(Conversation.id == row.id)
        .values(values)
        .execution_options(synchronize_session=False)
    )
    changed = session.get_one(Conversation, row.id)
    return Arranged(views(session, [changed])[0], head.shard)
