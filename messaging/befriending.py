"""Making many pairs of users friends at once, as operators bring them from elsewhere. Nobody is told.

The rules are those of messaging/friends.py: it happens under the locks of all these users, in the order of their ids.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select, tuple_, update
from sqlalchemy.orm import Session

from db.friend import Friend
from db.friend_request import FriendRequest, RequestState
from db.insert_ignore import insert_ignore
from db.user import User

Pair = tuple[int, int]

_OPEN = (RequestState.PENDING, RequestState.UNSEEN)


def befriend(session: Session, now: datetime, *, pairs: Collection[Pair]) -> set[int]:
    """Make these pairs friends, and accept their open requests. Blocks stay.

    Returns the ids that are of no open account: pairs with one of them are left out. It may be done twice.
    """
    named = sorted({user_id for pair in pairs for user_id in pair})
    locked = select(User.id, User.delete_time).where(User.id.in_(named)).order_by(User.id).with_for_update()
    open_ = {row.id for row in session.execute(locked) if row.delete_time is None}
    sides = sorted(side for one, other in pairs if {one, other} <= open_ for side in ((one, other), (other, one)))
    if sides:
        rows = [{"user_id": one, "friend_id": other, "create_time": now} for one, other in dict.fromkeys(sides)]
        insert_ignore(session, Friend, rows)
        asked = update(FriendRequest).where(
            FriendRequest.from_user_id.in_(named),  # MariaDB takes no range of an index from the pairs
            tuple_(FriendRequest.from_user_id, FriendRequest.to_user_id).in_(sides),
            FriendRequest.state.in_(_OPEN),
        )
        values = {"state": RequestState.ACCEPTED, "update_time": now}
        session.execute(asked.values(values).execution_options(synchronize_session=False))
    return set(named) - open_
