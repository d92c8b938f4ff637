"""Accounts: making one, checking and changing its password, closing it.

A password is checked between two transactions (actions/login.py): the hash read in the first is compared again in the
second.
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
from messaging.groups import closing
from messaging.tokens import generation, revoke_user


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The user as the contract shows them, and the `generation` of the login that begins."""

    user: dict[str, Any]
    generation: int


@dataclass(frozen=True, slots=True)
class Account:
    """The account of a user whose password is about to be checked."""

    user: dict[str, Any]
    password_hash: str
    generation: int


def register(
    session: Session, now: datetime, *, username: str, password_hash: str, nickname: str, address: str
) -> SignedIn:
    """Make an account, and sign the user in. Raises Refused(USERNAME_TAKEN)."""
    user = add(session, now, username=username, password_hash=password_hash, nickname=nickname)
    attempts.remember(session, now, username=username, address=address)
    return SignedIn(user, generation(session, user["id"]))


def add(session: Session, now: datetime, *, username: str, password_hash: str, nickname: str) -> dict[str, Any]:
    """Store a new user. Returns them as the contract shows them. Raises Refused(USERNAME_TAKEN)."""
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
    """Count a check that is about to be made. Returns the account, or None when there is none.

    Raises Refused(TOO_MANY_REQUESTS), with the seconds left of the 15 minutes, when all ten checks are used up.
    """
    attempts.count(session, now, username=username, address=address)
    # One statement: a generation read after the password was changed would keep a login with the old password alive.
    row = session.execute(
        select(*users.COLUMNS, User.password_hash, func.coalesce(RevokedUser.generation, 0).label("generation"))
        .outerjoin(RevokedUser, RevokedUser.user_id == User.id)
        .where(User.username == username, User.delete_time.is_(None))
    ).one_or_none()
    return Account(users.wire(row), row.password_hash, row.generation) if row else None


def begin_for(session: Session, now: datetime, *, user_id: int, address: str) -> Account | None:
    """As `begin`, for a user who is signed in. Raises Refused(NOT_FOUND) as well, when the account is closed."""
    username = users.profile(session, now, user_id=user_id)["username"]
    return begin(session, now, username=username, address=address)


def change_password(session: Session, now: datetime, *, account: Account, password_hash: str, address: str) -> SignedIn:
    """Change a password that was checked, and end all logins. Returns the one that begins now.

    Raises Refused(WRONG_CREDENTIALS) when the password was changed since it was read.
    """
    _still(session, account)
    user_id = account.user["id"]
    _set(session, now, user_id, password_hash=password_hash)
    attempts.succeeded(session, now, username=account.user["username"], address=address)
    return SignedIn(account.user, revoke_user(session, now, user_id=user_id))


def set_password(session: Session, now: datetime, *, user_id: int, password_hash: str) -> None:
    """Set a password without a check of the old one, and end all logins. An empty hash is of no password.

    Raises Refused(NOT_FOUND), also for a closed account.
    """
    open_ = select(User.id).where(User.id == user_id, User.delete_time.is_(None)).with_for_update()
    if session.scalar(open_) is None:
        raise Refused(Code.NOT_FOUND, "no such user")
    _set(session, now, user_id, password_hash=password_hash)
    revoke_user(session, now, user_id=user_id)


def close_account(session: Session, now: datetime, *, account: Account) -> list[friends.News]:
    """Close an account whose password was checked: only the messages sent to others are still shown.

    Returns the news for former friends. The row stays, so that nobody else ever gets the username. The user is still
    in their groups, and comes into no other. Raises as `change_password` does.
    """
    _still(session, account)
    user_id = account.user["id"]
    _set(session, now, user_id, password_hash="", nickname="", avatar="", delete_time=now)
    news = friends.leave_all(session, now, user_id=user_id)
    attempts.forget(session, username=account.user["username"])
    revoke_user(session, now, user_id=user_id)
    closing.withdraw(session, now, user_id=user_id)
    return news


def _still(session: Session, account: Account) -> None:
    """Lock the user. Raises Refused(WRONG_CREDENTIALS) when the password was changed while it was checked."""
    mine = select(User.password_hash).where(User.id == account.user["id"]).with_for_update()
    if session.scalar(mine) != account.password_hash:
        raise Refused(Code.WRONG_CREDENTIALS)


def _set(session: Session, now: datetime, user_id: int, **columns: Any) -> None:
    statement = update(User).where(User.id == user_id).values(**columns, update_time=now)
    session.execute(statement.execution_options(synchronize_session=False))
