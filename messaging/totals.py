"""The unread totals of users, the numbers on the badges of their apps.

Hidden conversations do not count. Of a muted group only the unread mentions do, of a muted pair nothing.
"""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from db.base import table
from db.conversation import Conversation
from db.flight import Call, Rows, fly
from messaging.conversation_id import ConversationType
from messaging.groups import rows
from messaging.groups.rows import GroupRow
from messaging.mentions import unread_mentions

_ROWS = table(Conversation).c
# Built once: putting a statement together costs as much as running it.
_OF_PAIRS = (
    select(_ROWS.user_id, func.sum(_ROWS.unread_count))
    .where(
        _ROWS.user_id.in_(bindparam("users", expanding=True)),
        _ROWS.conversation_type == ConversationType.SINGLE,
        _ROWS.del_state == 0,
        _ROWS.is_mute.is_(False),
    )
    .group_by(_ROWS.user_id)
)


def of_pairs(user_ids: Collection[int]) -> Call:
    """Returns the call whose rows `totals` takes, for a flight with others."""
    return Call(_OF_PAIRS, {"users": list(user_ids)})


def totals(session: Session, found: Rows, groups: Mapping[int, Sequence[GroupRow]]) -> dict[int, int]:
    """Returns the unread totals of the users whose rows of groups these are. `found` are the rows of `of_pairs`."""
    total = dict.fromkeys(groups, 0) | {user_id: int(count) for user_id, count in found}
    shown = [row for its in groups.values() for row in its if not row.is_hidden]
    muted = {row.key for row in shown if row.is_mute}
    for row in shown:
        total[row.user_id] += 0 if row.is_mute else row.unread_count
    if muted:
        for key, count in unread_mentions(session, {user for _, user in muted}, {name for name, _ in muted}).items():
            total[key[1]] += count if key in muted else 0
    return total


def total_unread(session: Session, user_id: int) -> int:
    """Returns the unread total of one user."""
    found, of_groups = fly(session, of_pairs([user_id]), rows.reading([user_id]))
    return totals(session, found, rows.by_user([user_id], of_groups))[user_id]
