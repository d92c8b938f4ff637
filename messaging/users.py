"""The users of the built-in directory, as the contract shows them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, case, func, or_, select, update
from sqlalchemy.orm import Session

from db.user import User
from messaging.errors import Code, Refused

# A closed account keeps its username in its row, so that no other user gets it, but shows an empty one.
_USERNAME = case((User.delete_time.is_(None), User.username), else_="").label("username")
COLUMNS = (User.id, _USERNAME, User.nickname, User.avatar)

Page = tuple[list[dict[str, Any]], int]  # the entries of one page, and how many there are on all pages


def wire(row: Any) -> dict[str, Any]:
    """Returns the contract's User, from an object with `COLUMNS` as attributes."""
    return {"id": row.id, "username": row.username, "nickname": row.nickname, "avatar": row.avatar}


def profile(session: Session, _now: datetime, *, user_id: int) -> dict[str, Any]:
    """Returns one user, whose account is not closed. Raises Refused(NOT_FOUND)."""
    found = profiles(session, [user_id]).get(user_id)
    if found is None or not found["username"]:
        raise Refused(Code.NOT_FOUND, "no such user")
    return found


def profiles(session: Session, user_ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """Returns users by id, those with a closed account included. Unknown ids are left out."""
    rows = session.execute(select(*COLUMNS).where(User.id.in_(sorted(user_ids))))
    return {row.id: wire(row) for row in rows}


def ids(session: Session, _now: datetime, *, usernames: Collection[str]) -> dict[str, int]:
    """Returns the ids of users by their names, without those whom nobody knows or whose account is closed."""
    found = select(User.username, User.id).where(User.username.in_(usernames), User.delete_time.is_(None))
    return {row.username: row.id for row in session.execute(found)}


def hold_open(session: Session, user_ids: Collection[int]) -> set[int]:
    """Keep these users' accounts from being closed until COMMIT. Returns those that are closed already."""
    statement = select(User.id, User.delete_time).where(User.id.in_(sorted(user_ids))).order_by(User.id)
    return {row.id for row in session.execute(statement.with_for_update(read=True)) if row.delete_time}


def change(
    session: Session, now: datetime, *, user_id: int, nickname: str | None = None, avatar: str | None = None
) -> dict[str, Any]:
    """Set the fields that are not None. Returns the user as they are now. Raises Refused(NOT_FOUND)."""
    given = {"nickname": nickname, "avatar": avatar}
    changes = {name: value for name, value in given.items() if value is not None}
    statement = update(User).where(User.id == user_id, User.delete_time.is_(None)).values(**changes, update_time=now)
    session.execute(statement.execution_options(synchronize_session=False))
    return profile(session, now, user_id=user_id)


def search(session: Session, _now: datetime, *, user_id: int, keyword: str, page: int, limit: int) -> Page:
    """Returns a page of the users, without this one, whose username or nickname begins with `keyword`, by username."""
    begins = or_(
        User.username.startswith(keyword.lower(), autoescape=True),
        User.nickname.startswith(keyword, autoescape=True),
    )
    statement = select(*COLUMNS).where(begins, User.id != user_id, User.delete_time.is_(None)).order_by(User.username)
    rows, total = paged(session, statement, page=page, limit=limit)
    return [wire(row) for row in rows], total


def paged(
    session: Session, statement: Select[*tuple[Any, ...]], *, page: int, limit: int
) -> tuple[Sequence[Row[*tuple[Any, ...]]], int]:
    """Returns the rows of one page, counted from 1, and the number of rows on all pages."""
    rows = session.execute(statement.offset((page - 1) * limit).limit(limit)).all()
    total = session.scalar(select(func.count()).select_from(statement.order_by(None).subquery()))
    return rows, total or 0
