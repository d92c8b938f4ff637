"""A caller that has stopped waiting: by its deadline, or because it went away."""

from datetime import datetime
from typing import TypeVar

from grpc import ServicerContext
from sqlalchemy.orm import Session

from db import session as database
from db.session import Rule
from workers.send import TooLate

T = TypeVar("T")


def too_late(context: ServicerContext) -> bool:
    """Whether nobody waits for the answer any more."""
    left = context.time_remaining()
    return not context.is_active() or (left is not None and left <= 0)


def run(context: ServicerContext, rule: Rule[T], *, write: bool = True) -> T:
    """`db.session.run`, rolled back with TooLate when the caller has stopped waiting before COMMIT."""

    def punctual(session: Session, now: datetime) -> T:
        result = rule(session, now)
        if too_late(context):
            raise TooLate
        return result

    return database.run(punctual, write=write)
