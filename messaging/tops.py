"""Tops: the last seqs of a user's conversations, by which a connection notices that a message is missing."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from db.base import table
from db.conversation import Conversation
from db.flight import Call, fly

MOST = 100
Top = tuple[str, int]  # conversation_id, seq

_ROWS = table(Conversation).c
# Built once: putting a statement together costs as much as running it. The order is that of an index and of the list.
_NEWEST = (
    select(_ROWS.conversation_id, _ROWS.last_seq, _ROWS.delivered_seq)
    .where(_ROWS.user_id == bindparam("user"), _ROWS.del_state == 0)
    .order_by(_ROWS.is_top.desc(), _ROWS.last_message_id.desc())
    .limit(MOST)
)


def tops(session: Session, user_ids: Sequence[int]) -> dict[int, list[Top]]:
    """Returns, for each of the users, the tops of the first MOST conversations of their list.

    A top is the seq up to which the user's row has counted messages and a device of theirs has answered. All later
    messages are still to come, by the backlog or from a worker, whenever the rows were read: a worker publishes what
    the row has counted after the COMMIT. The head's `last_seq` would be ahead of both.
    """
    found = fly(session, *(Call(_NEWEST, {"user": user_id}) for user_id in user_ids))
    return {
        user_id: [(name, min(last_seq, delivered_seq)) for name, last_seq, delivered_seq in rows]
        for user_id, rows in zip(user_ids, found, strict=True)
    }
