"""Which users are friends of a member: only friends are brought into a group."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from messaging.directory import MayTalk

_AT_ONCE = 100  # the time in which MariaDB plans a list of pairs grows with the square of its length


def talking(session: Session, now: datetime, may_talk: MayTalk, user_id: int, other_ids: Collection[int]) -> set[int]:
    """Returns those of the other users who are friends of the user, with no block between the two."""
    pairs = sorted((user_id, other) for other in other_ids)
    parts = [pairs[start : start + _AT_ONCE] for start in range(0, len(pairs), _AT_ONCE)]
    return {other for part in parts for one, other in may_talk(session, now, part) if one == user_id}
