"""How often a password may be guessed.

Invariants: a check is counted before it begins, so that even concurrent callers get no more than ten in 15 minutes.
All addresses that never signed in as a user share ten for that username; an address that did has ten of its own, so
that strangers lock nobody out. Unknown names are counted like known ones, so that the answer reveals no name.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from db.insert_ignore import insert_ignore
from db.known_address import KnownAddress
from db.login_attempt import LoginAttempt
from infra.networks import network
from infra.settings import settings
from messaging.errors import Code, Refused

MAX_ATTEMPTS = 10
WINDOW = timedelta(minutes=15)


def count(session: Session, now: datetime, *, username: str, address: str) -> None:
    """Count a check that is about to be made.

    Raises Refused(TOO_MANY_REQUESTS), with the seconds left of the 15 minutes, when all ten are used up.
    """
    counted = _known(session, username, address) or _locked(session, now, username)
    age = now - counted.window_start
    if age >= WINDOW:
        counted.window_start, counted.attempts = now, 0
    elif counted.attempts >= MAX_ATTEMPTS:
        raise Refused(Code.TOO_MANY_REQUESTS, retry_after=int((WINDOW - age).total_seconds()))
    counted.attempts += 1


def succeeded(session: Session, now: datetime, *, username: str, address: str) -> None:
    """Remember the address, and reset its count: the password was right.

    Of the checks that all unknown addresses share only this one is taken back: others may have guessed meanwhile.
    """
    key = (KnownAddress.username == username, KnownAddress.address == _hash(address))
    again: CursorResult[Any] = session.execute(  # type: ignore[assignment]
        update(KnownAddress).where(*key).values(attempts=0, login_time=now).execution_options(synchronize_session=False)
    )
    if again.rowcount:
        return
    remember(session, now, username=username, address=address)
    one_less = update(LoginAttempt).where(LoginAttempt.username == username, LoginAttempt.attempts > 0)
    session.execute(one_less.values(attempts=LoginAttempt.attempts - 1).execution_options(synchronize_session=False))


def remember(session: Session, now: datetime, *, username: str, address: str) -> None:
    """Store that the user with this username has signed in from an address."""
    row = {"username": username, "address": _hash(address), "attempts": 0, "window_start": now, "login_time": now}
    insert_ignore(session, KnownAddress, [row])


def forget(session: Session, *, username: str) -> None:
    """Delete the counts and the known addresses of a username."""
    for table in (KnownAddress, LoginAttempt):
        session.execute(delete(table).where(table.username == username).execution_options(synchronize_session=False))


def _known(session: Session, username: str, address: str) -> KnownAddress | None:
    key = (KnownAddress.username == username, KnownAddress.address == _hash(address))
    return session.scalar(select(KnownAddress).where(*key).with_for_update())


def _locked(session: Session, now: datetime, username: str) -> LoginAttempt:
    statement = select(LoginAttempt).where(LoginAttempt.username == username).with_for_update()
    found = session.scalar(statement)
    if found is None:
        insert_ignore(session, LoginAttempt, [{"username": username, "attempts": 0, "window_start": now}])
        found = session.scalars(statement).one()
    return found


def _hash(address: str) -> str:
    """Returns a keyed hash of the address: a reader of a backup must not learn where users were."""
    return hmac.new(settings().jwt_secret.encode(), network(address).encode(), hashlib.sha256).hexdigest()
