"""Registering and signing in, and proving with the password what an account's owner alone may do.

Invariants: a password is checked between two transactions, never in one; what was read before the check is compared
again in the one after it. Unknown names are checked like known ones: nothing tells the two apart.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.revoked_user import RevokedUser
from db.session import write
from db.user import User
from messaging import attempts, friends, passwords, users
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


def register(*, username: str, password: str, address: str, nickname: str | None = None) -> SignedIn:
    """Make a user, in a transaction of its own, and sign them in. Raises Refused(USERNAME_TAKEN)."""
    password_hash = passwords.hash_password(password)

    def rule(session: Session, now: datetime) -> SignedIn:
        user = add(session, now, username=username, password_hash=password_hash, nickname=nickname or username)
        attempts.remember(session, now, username=username, address=address)
        return SignedIn(user, generation(session, user["id"]))

    return write(rule)


def login(*, username: str, password: str, address: str) -> SignedIn:
    """Check a password, between two transactions.

    Raises Refused: WRONG_CREDENTIALS, for an unknown name as well; TOO_MANY_REQUESTS, even with the right password.
    """
    found = write(begin, username=username, address=address)
    account = _checked(found, password)
    write(attempts.succeeded, username=username, address=address)
    return SignedIn(account.user, account.generation)


def change_password(*, user_id: int, old_password: str, new_password: str, address: str) -> SignedIn:
    """Change a password, and end all logins but the one that begins now.

    Raises Refused: NOT_FOUND, WRONG_CREDENTIALS, TOO_MANY_REQUESTS.
    """
    account = _prove(user_id, old_password, address)
    password_hash = passwords.hash_password(new_password)

    def rule(session: Session, now: datetime) -> SignedIn:
        _still(session, account)
        _set(session, now, user_id, password_hash=password_hash)
        attempts.succeeded(session, now, username=account.user["username"], address=address)
        return SignedIn(account.user, revoke_user(session, now, user_id=user_id))

    return write(rule)


def close_account(*, user_id: int, password: str, address: str) -> list[friends.News]:
    """Close an account for good: nothing of it is shown any more but what was written to others.

    Returns what there is to tell former friends. The row stays, so that the name is never given again.
    Raises as `change_password` does.
    """
    account = _prove(user_id, password, address)

    def rule(session: Session, now: datetime) -> list[friends.News]:
        _still(session, account)
        _set(session, now, user_id, password_hash="", nickname="", avatar="", delete_time=now)
        news = friends.leave_all(session, now, user_id=user_id)
        attempts.forget(session, username=account.user["username"])
        revoke_user(session, now, user_id=user_id)
        return news

    return write(rule)


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


def _prove(user_id: int, password: str, address: str) -> Account:
    def rule(session: Session, now: datetime) -> Account | None:
        username = users.profile(session, now, user_id=user_id)["username"]
        return begin(session, now, username=username, address=address)

    return _checked(write(rule), password)


def _checked(account: Account | None, password: str) -> Account:
    right = passwords.verify(password, account.password_hash if account else None)
    if account is None or not right:
        raise Refused(Code.WRONG_CREDENTIALS)
    return account


def _still(session: Session, account: Account) -> None:
    """Lock the user, and refuse a password that was changed while it was checked."""
    mine = select(User.password_hash).where(User.id == account.user["id"]).with_for_update()
    if session.scalar(mine) != account.password_hash:
        raise Refused(Code.WRONG_CREDENTIALS)


def _set(session: Session, now: datetime, user_id: int, **columns: Any) -> None:
    statement = update(User).where(User.id == user_id).values(**columns, update_time=now)
    session.execute(statement.execution_options(synchronize_session=False))
