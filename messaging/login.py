"""Making an account, checking its password, changing it, closing the account.

A password is checked between two transactions (actions/login.py): what was read in the one before is compared again in
the one after.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.revoked_user import RevokedUser
from db.user import User
from messaging import attempts, friends, users
from messaging.errors import Code, Refused
from messaging.tokens import generation, revoke_user


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The wire user, and the `generation` of the login that begins with it."""

    user: dict[str, Any]
    generation: int


@dataclass(frozen=True, slots=True)
class Account:
    """What is known of a user when their password is about to be checked."""

    user: dict[str, Any]
    password_hash: str
    generation: int


def register(
    session: Session, now: datetime, *, username: str, password_hash: str, nickname: str, address: str
) -> SignedIn:
    """Make a user, and sign them in. Raises Refused(USERNAME_TAKEN)."""
    user = add(session, now, username=username, password_hash=password_hash, nickname=nickname)
    attempts.remember(session, now, username=username, address=address)
    return SignedIn(user, generation(session, user["id"]))


def add(session: Session, now: datetime, *, username: str, password_hash: str, nickname: str) -> dict[str, Any]:
    """Store a new user: the wire user. Raises Refused(USERNAME_TAKEN)."""
    user = User(
        username=username,
        password_hash=password_hash,
        nickname=nickname,
        avatar="",
        create_time=now,
        update_time=now,
    )
    try:
        with session.begin_nested():
            session.add(user)
            session.flush()
    except IntegrityError as error:
        raise Refused(Code.USERNAME_TAKEN) from error
    return users.wire(user)


def begin(session: Session, now: datetime, *, username: str, address: str) -> Account | None:
    """Count a check that is about to be made. Returns the account, None when there is none.

    Raises Refused(TOO_MANY_REQUESTS), with the seconds left of the quarter of an hour, when all ten are used up.
    """
    attempts.count(session, now, username=username, address=address)
    # One statement: a generation read after the password was changed would save a login with the old one.
    row = session.execute(
        select(*users.COLUMNS, User.password_hash, func.coalesce(RevokedUser.generation, 0).label("generation"))
        .outerjoin(RevokedUser, RevokedUser.user_id == User.id)
        .where(User.username == username, User.delete_time.is_(None))
    ).one_or_none()
    return Account(users.wire(row), row.password_hash, row.generation) if row else None


def begin_for(session: Session, now: datetime, *, user_id: int, address: str) -> Account | None:
    """As `begin`, of a user who is signed in. Raises Refused(NOT_FOUND) as well."""
    username = users.profile(session, now, user_id=user_id)["username"]
    return begin(session, now, username=username, address=address)


def change_password(session: Session, now: datetime, *, account: Account, password_hash: str, address: str) -> SignedIn:
    """Change a password that was checked, and end all logins but the one that begins now.

    Raises Refused(WRONG_CREDENTIALS) when it was changed meanwhile.
    """
    _still(session, account)
    user_id = account.user["id"]
    _set(session, now, user_id, password_hash=password_hash)
    attempts.succeeded(session, now, username=account.user["username"], address=address)
    return SignedIn(account.user, revoke_user(session, now, user_id=user_id))


def close_account(session: Session, now: datetime, *, account: Account) -> list[friends.News]:
    """Close an account whose password was checked: nothing of it is shown any more but what was written to others.

    Returns what there is to tell former friends. The row stays, so that the name is never given again.
    Raises as `change_password` does.
    """
    _still(session, account)
    user_id = account.user["id"]
    _set(session, now, user_id, password_hash="", nickname="", avatar="", delete_time=now)
    news = friends.leave_all(session, now, user_id=user_id)
    attempts.forget(session, username=account.user["username"])
    revoke_user(session, now, user_id=user_id)
    return news


def _still(session: Session, account: Account) -> None:
    """Lock the user, and refuse a password that was changed while it was checked."""
    mine = select(User.password_hash).where(User.id == account.user["id"]).with_for_update()
    if session.scalar(mine) != account.password_hash:
        raise Refused(Code.WRONG_CREDENTIALS)


def _set(session: Session, now: datetime, user_id: int, **columns: Any) -> None:
    statement = update(User).where(User.id == user_id).values(**columns, update_time=now)
    session.execute(statement.execution_options(synchronize_session=False))
