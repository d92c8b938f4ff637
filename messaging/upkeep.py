"""The rules of the upkeep: deleting expired rows, and counting for the metrics."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, delete, func, select
from sqlalchemy.orm import Session

from db.base import Base
from db.known_address import KnownAddress
from db.login_attempt import LoginAttempt
from db.message import Message
from db.outbox import OutboxEvent
from db.outbox_parked import Parked
from db.revoked_token import RevokedToken
from db.ticket import Ticket
from db.user import User

_ATTEMPTS_KEPT = timedelta(hours=1)
_ADDRESSES_KEPT = timedelta(days=90)  # since the last login there


def expire(session: Session, now: datetime) -> dict[str, int]:
    """Delete tickets, revoked tokens, login attempts and known addresses that no longer matter.

    Returns the number of deleted rows by the name of the table.
    """
    dead: dict[type[Base], ColumnElement[bool]] = {
        Ticket: Ticket.expires_at < now,
        RevokedToken: RevokedToken.expires_at < now,
        LoginAttempt: LoginAttempt.window_start < now - _ATTEMPTS_KEPT,
        KnownAddress: KnownAddress.login_time < now - _ADDRESSES_KEPT,
    }
    return {table.__tablename__: _delete(session, table, condition) for table, condition in dead.items()}


def _delete(session: Session, table: type[Base], condition: ColumnElement[bool]) -> int:
    result: CursorResult[Any] = session.execute(  # type: ignore[assignment]
        delete(table).where(condition).execution_options(synchronize_session=False)
    )
    return result.rowcount


def snapshot(session: Session, now: datetime) -> dict[str, Any]:
    """Returns the numbers of messages, users, waiting and parked events, and the age of the oldest event in seconds.

    Messages and users are the highest id given out: counting millions of rows would take seconds. `shards` holds the
    number of waiting events and the age of the oldest for each outbox shard that has any.
    """
    waiting = select(OutboxEvent.shard, func.count(), func.min(OutboxEvent.create_time)).group_by(OutboxEvent.shard)
    shards = {str(shard): (count, _age(oldest, now)) for shard, count, oldest in session.execute(waiting)}
    return {
        "messages": session.scalar(select(func.max(Message.id))) or 0,
        "users": session.scalar(select(func.max(User.id))) or 0,
        "outbox_depth": sum(count for count, _ in shards.values()),
        "outbox_age": max((age for _, age in shards.values()), default=0),
        "outbox_parked": session.scalar(select(func.count()).select_from(Parked)) or 0,
        "shards": shards,
    }


def _age(since: datetime, now: datetime) -> int:
    return int((now - since).total_seconds())
