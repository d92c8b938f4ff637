"""A user's own arrangement of a conversation: on top, muted, out of sight until the next message."""

from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from db.conversation import Conversation
from messaging import changes, heads, rows
from messaging.conversations import views
from messaging.directory import Directory
from messaging.errors import Code, Refused
from messaging.events import ViewChanged
from messaging.members import require_member


def arrange(
    session: Session,
    now: datetime,
    *,
    user_id: int,
    conversation_id: str,
    directory: Directory,
    is_top: bool | None = None,
    is_mute: bool | None = None,
    del_state: bool | None = None,
) -> tuple[dict[str, Any], int]:
    """Set what is given; the Conversation as it now is, and the outbox shard to poke.

    The user's other devices are told to sync. Raises Refused: NO_SUCH_CONVERSATION, INVALID when nothing is given.
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
    values |= {"change_seq": change_seq, "update_time": now, "version": row.version + 1}
    session.execute(
        update(Conversation)
        .where(Conversation.id == row.id)
        .values(values)
        .execution_options(synchronize_session=False)
    )
    changed = session.get_one(Conversation, row.id)
    return views(session, [changed], directory=directory)[0], head.shard
