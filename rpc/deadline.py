"""Transactions that are rolled back when the caller has stopped waiting: at its deadline, or because it went away."""

from datetime import datetime
from typing import ParamSpec, TypeVar

from grpc import ServicerContext
from sqlalchemy.orm import Session

from actions.send import TooLate
from db import session as database
from db.session import Rule

T = TypeVar("T")
P = ParamSpec("P")


def too_late(context: ServicerContext) -> bool:
    """Returns whether the caller has stopped waiting for the answer."""
    left = context.time_remaining()
    return not context.is_active() or (left is not None and left <= 0)


def read(context: ServicerContext, rule: Rule[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Like `db.session.read`. Raises TooLate when the caller has stopped waiting."""
    return database.read(_punctual(context, rule), *args, **kwargs)


def write(context: ServicerContext, rule: Rule[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Like `db.session.write`. Rolls back and raises TooLate when the caller has stopped waiting before COMMIT."""
    return database.write(_punctual(context, rule), *args, **kwargs)


def _punctual(context: ServicerContext, rule: Rule[P, T]) -> Rule[P, T]:
    def punctual(session: Session, now: datetime, /, *args: P.args, **kwargs: P.kwargs) -> T:
        result = rule(session, now, *args, **kwargs)
        if too_late(context):
            raise TooLate
        return result

    return punctual
