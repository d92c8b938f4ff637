"""Registering and signing in.

Invariant: a password check is counted before it is begun, so that no number of callers at once gets more than ten in
a quarter of an hour. Unknown names are counted and checked like known ones: nothing tells the two apart.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.insert_ignore import insert_ignore
from db.login_attempt import LoginAttempt
from db.session import run
from db.user import User
from messaging import passwords, users
from messaging.errors import Code, Refused

MAX_ATTEMPTS = 10
WINDOW = timedelta(minutes=15)


def register(*, username: str, password: str, nickname: str | None = None) -> dict[str, Any]:
    """Make a user, in a transaction of its own: the wire user. Raises Refused(USERNAME_TAKEN)."""
    password_hash = passwords.hash_password(password)
    return run(
        lambda session, now: add(
            session, now, username=username, password_hash=password_hash, nickname=nickname or username
        )
    )


def login(*, username: str, password: str) -> dict[str, Any]:
    """Check a password, between two transactions: the wire user.

    Raises Refused: WRONG_CREDENTIALS, for an unknown name as well; TOO_MANY_REQUESTS, even with the right password.
    """
    account = run(lambda session, now: begin(session, now, username=username))
    right = passwords.verify(password, account.password_hash if account else None)
    if account is None or not right:
        raise Refused(Code.WRONG_CREDENTIALS)
    run(lambda session, now: forgive(session, now, username=username))
    return users.wire(account)


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


def begin(session: Session, now: datetime, *, username: str) -> Row[int, str, str, str, str] | None:
    """Count a check that is about to be made: the user with his `password_hash`, None when there is none.

    Raises Refused(TOO_MANY_REQUESTS), with the seconds left of the quarter of an hour, when all ten are used up.
    """
    counted = _locked(session, now, username)
    age = now - counted.window_start
    if age >= WINDOW:
        counted.window_start, counted.attempts = now, 0
    elif counted.attempts >= MAX_ATTEMPTS:
        raise Refused(Code.TOO_MANY_REQUESTS, retry_after=int((WINDOW - age).total_seconds()))
    counted.attempts += 1
    return session.execute(select(*users.COLUMNS, User.password_hash).where(User.username == username)).one_or_none()


def forgive(session: Session, _now: datetime, *, username: str) -> None:
    """Forget the checks that were counted: the password was right."""
    session.execute(
        delete(LoginAttempt).where(LoginAttempt.username == username).execution_options(synchronize_session=False)
    )


def _locked(session: Session, now: datetime, username: str) -> LoginAttempt:
    statement = select(LoginAttempt).where(LoginAttempt.username == username).with_for_update()
    found = session.scalar(statement)
    if found is None:
        insert_ignore(session, LoginAttempt, [{"username": username, "attempts": 0, "window_start": now}])
        found = session.scalars(statement).one()
    return found
