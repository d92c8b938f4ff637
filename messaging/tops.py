"""Tops: the last seqs of a user's conversations, by which a connection notices that a message is missing."""

from collections.abc import Mapping, Sequence
from heapq import nlargest
from operator import itemgetter

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from db.base import table
from db.conversation import Conversation
from db.flight import Call, Rows, fly
from messaging.conversation_id import ConversationType
from messaging.groups.rows import GroupRow

MOST = 100
Top = tuple[str, int]  # conversation_id, seq
_Place = tuple[bool, int]  # in the list: on top, and the id of the last message

_ROWS = table(Conversation).c
# Built once: putting a statement together costs as much as running it. The order is that of an index and of the list.
_NEWEST = (
    select(_ROWS.conversation_id, _ROWS.last_seq, _ROWS.delivered_seq, _ROWS.is_top, _ROWS.last_message_id)
    .where(
        _ROWS.user_id == bindparam("user"),
        _ROWS.conversation_type == ConversationType.SINGLE,
        _ROWS.del_state == 0,
    )
    .order_by(_ROWS.is_top.desc(), _ROWS.last_message_id.desc())
    .limit(MOST)
)


def tops(session: Session, groups: Mapping[int, Sequence[GroupRow]]) -> dict[int, list[Top]]:
    """Returns, for each of the users, the tops of the first MOST conversations of their list.

    `groups` are the users' rows of groups, by user.

    A top is the seq up to which the user's row has counted messages and a device of theirs has answered; in a group,
    where no row counts messages, just the latter. All later messages are still to come, by the backlog or from a
    worker, whenever the rows were read: a worker publishes what the row has counted after the COMMIT. The head's
    `last_seq` would be ahead of both.
    """
    found = fly(session, *(Call(_NEWEST, {"user": user_id}) for user_id in groups))
    return {user_id: _newest(pairs, rows) for (user_id, rows), pairs in zip(groups.items(), found, strict=True)}


def _newest(pairs: Rows, groups: Sequence[GroupRow]) -> list[Top]:
    placed: list[tuple[_Place, Top]] = [
        ((bool(row.is_top), row.last_message_id or 0), (row.conversation_id, min(row.last_seq, row.delivered_seq)))
        for row in pairs
    ]
    for row in groups:
        if row.is_member and not row.is_hidden:
            placed.append((row.place, (row.conversation_id, min(row.last_seq, row.received_seq))))
    return [top for _, top in nlargest(MOST, placed, key=itemgetter(0))]
