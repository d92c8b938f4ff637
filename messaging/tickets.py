"""One-time tickets for the WebSocket: browsers cannot set its headers, and a JWT in a URL would end up in logs.

Invariants: only a ticket's hash is stored; a ticket can be used once, even by concurrent requests; it does not outlive
the token that it stands for.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import ColumnElement, CursorResult, delete, insert, select
from sqlalchemy.orm import Session

from db.ticket import Ticket
from messaging.message import unix

LIFETIME = 30  # seconds


def issue(session: Session, now: datetime, *, claims: dict[str, Any]) -> str:
    """Store a ticket for a token's claims. Returns the ticket, which expires after 30 s, or with the token if sooner.

    `claims["expires_at"]` is the token's end in Unix seconds.
    """
    ticket = secrets.token_urlsafe(32)
    seconds = min(LIFETIME, claims["expires_at"] - unix(now))
    session.execute(
        insert(Ticket).values(
            ticket_hash=_hash(ticket),
            claims=orjson.dumps(claims).decode(),
            expires_at=now + timedelta(seconds=seconds),
        )
    )
    return ticket


def known(session: Session, now: datetime, *, ticket: str) -> bool:
    """Returns whether the ticket could be redeemed. It takes no lock, so that guesses hold up no writer."""
    return session.scalar(select(Ticket.ticket_hash).where(*_good(now, ticket))) is not None


def redeem(session: Session, now: datetime, *, ticket: str) -> dict[str, Any] | None:
    """Use a ticket up. Returns the claims that it stands for, or None when it is unknown, expired or used."""
    good = _good(now, ticket)
    claims = session.scalar(select(Ticket.claims).where(*good))
    if claims is None:
        return None
    # Two concurrent requests may both have read the ticket: the database lets only one of them delete it.
    deleted: CursorResult[Any] = session.execute(  # type: ignore[assignment]
        delete(Ticket).where(*good).execution_options(synchronize_session=False)
    )
    found: dict[str, Any] = orjson.loads(claims)
    return found if deleted.rowcount == 1 else None


def _good(now: datetime, ticket: str) -> tuple[ColumnElement[bool], ...]:
    return Ticket.ticket_hash == _hash(ticket), Ticket.expires_at > now


def _hash(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()
