"""The unread counts of groups, as their members' lists show them."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from db.flight import fly
from messaging.groups.rows import GroupRow, RowKey
from messaging.unread import counting_in_group


def unread_counts(session: Session, rows: Iterable[GroupRow]) -> dict[RowKey, int]:
    """Returns the unread count of each of these rows. Only those of groups that their users have left are counted."""
    counts: dict[RowKey, int] = {}
    left: list[GroupRow] = []
    for row in rows:
        counts[row.key] = row.counted - row.base if row.is_member else 0
        if not row.is_member and row.end_seq > row.read_seq:
            left.append(row)
    found = fly(session, *(counting_in_group(row, upto=row.end_seq) for row in left))
    return counts | {row.key: int(count) for row, ((count,),) in zip(left, found, strict=True)}
