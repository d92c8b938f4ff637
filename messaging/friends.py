"""Friendships, requests for them, and blocks.

Invariants: a change of the relation between two users is made under the locks of both, taken in the order of their
ids; at most one request between two users is open; a friendship is two rows or none. Blocked users never learn of the
block: their request is stored as UNSEEN, behaves towards them like any other, and is not shown to the user who blocked
them, even after an unblocking, unless they ask again then.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, exists, select, tuple_, update
from sqlalchemy.orm import Session

from db.blacklist import Blacklist
from db.friend import Friend
from db.friend_request import FriendRequest, RequestState
from db.insert_ignore import insert_ignore
from db.user import User
from messaging.errors import Code, Refused
from messaging.message import unix
from messaging.users import COLUMNS, Page, paged, profiles, wire

_OPEN = (RequestState.PENDING, RequestState.UNSEEN)
_AT_ONCE = 500  # rows that one statement deletes


class Event(StrEnum):
    """The changes of which users are notified."""

    REQUESTED = "requested"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class News:
    """A change between two users. `user_id` is the one who made a request."""

    event: Event
    user_id: int
    other_id: int


@dataclass(frozen=True, slots=True)
class Asked:
    """The id of the open or accepted request, and the news to send: None when there is none."""

    request_id: int
    news: News | None


def request(session: Session, now: datetime, *, user_id: int, to_user_id: int, message: str = "") -> Asked:
    """Ask another user to be friends. Returns the request, the same one as long as it is open.

    If the other user has asked already, their request is accepted and returned.
    Raises Refused: BEFRIENDING_ONESELF, NOT_FOUND, ALREADY_FRIENDS.
    """
    if user_id == to_user_id:
        raise Refused(Code.BEFRIENDING_ONESELF)
    _lock_existing(session, user_id, to_user_id)
    if _are_friends(session, user_id, to_user_id):
        raise Refused(Code.ALREADY_FRIENDS)
    theirs = _open_request(session, to_user_id, user_id)
    if theirs is None:
        return _ask(session, now, user_id, to_user_id, message)
    return Asked(theirs.id, _accept(session, now, theirs))


def handle(session: Session, now: datetime, *, user_id: int, request_id: int, action: str) -> News | None:
    """Answer a request made to this user; `action` is "accept" or "reject". Returns the news, None after a rejection.

    Raises Refused: NO_SUCH_REQUEST, also for a request to another user; REQUEST_HANDLED.
    """
    mine = (FriendRequest.id == request_id, FriendRequest.to_user_id == user_id)
    from_user_id = session.scalar(select(FriendRequest.from_user_id).where(*mine))
    if from_user_id is None:
        raise Refused(Code.NO_SUCH_REQUEST)
    _lock(session, user_id, from_user_id)
    found = session.scalars(select(FriendRequest).where(*mine)).one()
    if found.state == RequestState.UNSEEN:
        raise Refused(Code.NO_SUCH_REQUEST)
    if found.state != RequestState.PENDING:
        raise Refused(Code.REQUEST_HANDLED)
    if action == "accept":
        return _accept(session, now, found)
    found.state, found.update_time = RequestState.REJECTED, now
    return None


def requests(session: Session, _now: datetime, *, user_id: int, page: int, limit: int) -> Page:
    """Returns a page of the requests that wait for the user's answer, newest first, each with the `user` who asks."""
    statement = (
        select(FriendRequest.id.label("request_id"), FriendRequest.message, FriendRequest.create_time, *COLUMNS)
        .join(User, User.id == FriendRequest.from_user_id)
        .where(FriendRequest.to_user_id == user_id, FriendRequest.state == RequestState.PENDING)
        .order_by(FriendRequest.id.desc())
    )
    rows, total = paged(session, statement, page=page, limit=limit)
    entries = [
        {
            "request_id": row.request_id,
            "user": wire(row),
            "message": row.message,
            "create_time": unix(row.create_time),
        }
        for row in rows
    ]
    return entries, total


def friends(session: Session, _now: datetime, *, user_id: int, page: int, limit: int) -> Page:
    """Returns a page of the user's friends, by id, blocked ones included."""
    statement = select(*COLUMNS).join(Friend, Friend.friend_id == User.id).where(Friend.user_id == user_id)
    rows, total = paged(session, statement.order_by(Friend.friend_id), page=page, limit=limit)
    return [wire(row) for row in rows], total


def unfriend(session: Session, _now: datetime, *, user_id: int, other_id: int) -> News | None:
    """End a friendship for both users. Returns the news, None if they were no friends."""
    _lock(session, user_id, other_id)
    both = tuple_(Friend.user_id, Friend.friend_id).in_([(user_id, other_id), (other_id, user_id)])
    ended: Any = session.execute(delete(Friend).where(both).execution_options(synchronize_session=False))
    return News(Event.REMOVED, user_id, other_id) if ended.rowcount else None


def block(session: Session, now: datetime, *, user_id: int, other_id: int) -> None:
    """Block another user: stop messages both ways, and hide their pending request. The friendship stays.

    Raises Refused: INVALID when both ids are the same, NOT_FOUND.
    """
    if user_id == other_id:
        raise Refused(Code.INVALID, fields={"user_id": ["Nobody can block oneself."]})
    _lock_existing(session, user_id, other_id)
    insert_ignore(session, Blacklist, [{"user_id": user_id, "blocked_id": other_id, "create_time": now}])
    asked = update(FriendRequest).where(
        FriendRequest.from_user_id == other_id,
        FriendRequest.to_user_id == user_id,
        FriendRequest.state == RequestState.PENDING,
    )
    session.execute(asked.values(state=RequestState.UNSEEN).execution_options(synchronize_session=False))


def unblock(session: Session, _now: datetime, *, user_id: int, other_id: int) -> bool:
    """Remove a block. Returns whether there was one."""
    _lock(session, user_id, other_id)
    row = (Blacklist.user_id == user_id, Blacklist.blocked_id == other_id)
    undone: Any = session.execute(delete(Blacklist).where(*row).execution_options(synchronize_session=False))
    return bool(undone.rowcount)


def blocks(session: Session, _now: datetime, *, user_id: int, page: int, limit: int) -> Page:
    """Returns a page of the users whom the user has blocked, by id."""
    statement = select(*COLUMNS).join(Blacklist, Blacklist.blocked_id == User.id).where(Blacklist.user_id == user_id)
    rows, total = paged(session, statement.order_by(Blacklist.blocked_id), page=page, limit=limit)
    return [wire(row) for row in rows], total


def told(session: Session, _now: datetime, *, news: News) -> dict[int, dict[str, Any]]:
    """Returns the content of the news for each user's id: empty when it no longer holds, or a user is unknown."""
    user_id, other_id = news.user_id, news.other_id
    users = profiles(session, [user_id, other_id])
    if len(users) < 2:
        return {}
    if news.event is Event.REQUESTED:
        asked = _open_request(session, user_id, other_id)
        if asked is None or asked.state != RequestState.PENDING:
            return {}
        return {other_id: {"event": news.event, "user": users[user_id], "request_id": asked.id}}
    if _are_friends(session, user_id, other_id) is not (news.event is Event.ADDED):
        return {}
    sides = ((user_id, other_id), (other_id, user_id))
    return {one: {"event": news.event, "user": users[other]} for one, other in sides}


def leave_all(session: Session, now: datetime, *, user_id: int) -> list[News]:
    """End all friendships of a user, and reject their open requests. Returns the news for former friends.

    The caller holds the user's lock, without which nobody changes any of this.
    """
    others = list(session.scalars(select(Friend.friend_id).where(Friend.user_id == user_id)))
    sides = sorted(pair for other in others for pair in ((user_id, other), (other, user_id)))
    for start in range(0, len(sides), _AT_ONCE):
        some = tuple_(Friend.user_id, Friend.friend_id).in_(sides[start : start + _AT_ONCE])
        session.execute(delete(Friend).where(some).execution_options(synchronize_session=False))
    for mine in (FriendRequest.from_user_id == user_id, FriendRequest.to_user_id == user_id):
        waiting = update(FriendRequest).where(mine, FriendRequest.state.in_(_OPEN))
        values = {"state": RequestState.REJECTED, "update_time": now}
        session.execute(waiting.values(values).execution_options(synchronize_session=False))
    return [News(Event.REMOVED, user_id, other) for other in others]


def _lock(session: Session, *user_ids: int) -> int:
    """Lock these users, in the order of their ids. Returns how many of them have an account that is not closed."""
    statement = select(User.delete_time).where(User.id.in_(sorted(user_ids))).order_by(User.id).with_for_update()
    return sum(closed is None for closed in session.scalars(statement))


def _lock_existing(session: Session, user_id: int, other_id: int) -> None:
    if _lock(session, user_id, other_id) < 2:
        raise Refused(Code.NOT_FOUND, "no such user")


def _are_friends(session: Session, user_id: int, other_id: int) -> bool:
    return bool(session.scalar(select(exists().where(Friend.user_id == user_id, Friend.friend_id == other_id))))


def _open_request(session: Session, from_user_id: int, to_user_id: int) -> FriendRequest | None:
    return session.scalar(
        select(FriendRequest).where(
            FriendRequest.from_user_id == from_user_id,
            FriendRequest.to_user_id == to_user_id,
            FriendRequest.state.in_(_OPEN),
        )
    )


def _ask(session: Session, now: datetime, user_id: int, to_user_id: int, message: str) -> Asked:
    blocked = session.scalar(select(exists().where(Blacklist.user_id == to_user_id, Blacklist.blocked_id == user_id)))
    mine = _open_request(session, user_id, to_user_id)
    if mine is None:
        mine = FriendRequest(from_user_id=user_id, to_user_id=to_user_id, state=RequestState.UNSEEN)
        session.add(mine)
        mine.message, mine.create_time, mine.update_time = message, now, now
    shows = mine.state == RequestState.UNSEEN and not blocked
    if shows:
        mine.state, mine.message, mine.create_time, mine.update_time = RequestState.PENDING, message, now, now
    session.flush()
    return Asked(mine.id, News(Event.REQUESTED, user_id, to_user_id) if shows else None)


def _accept(session: Session, now: datetime, asked: FriendRequest) -> News:
    asked.state, asked.update_time = RequestState.ACCEPTED, now
    sides = sorted([(asked.from_user_id, asked.to_user_id), (asked.to_user_id, asked.from_user_id)])
    rows = [{"user_id": one, "friend_id": other, "create_time": now} for one, other in sides]
    insert_ignore(session, Friend, rows)
    return News(Event.ADDED, asked.from_user_id, asked.to_user_id)
