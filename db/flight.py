"""Statements in flight: the statements of a step are sent at once, and their answers are read in order.

Invariants: each statement is a packet of its own; COMMIT is never in a flight; a flight that fails is rolled back
whole, because the statements behind the one that failed have been executed as well.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Executable
from sqlalchemy.orm import Session

Parameters = Mapping[str, Any]
Rows = Sequence[Any]


class Call(NamedTuple):
    """A statement, built once, with its parameters: a dict, or a list of dicts for an INSERT of many rows."""

    statement: Executable
    parameters: Parameters | Sequence[Parameters] | None = None


def fly(session: Session, *calls: Call) -> list[Rows]:
    """Execute the calls in order. Returns the rows of each, none for a statement without rows.

    Raises what SQLAlchemy raises for the first statement that fails.
    """
    connection = session.connection()
    answers = [connection.execute(call.statement, call.parameters) for call in calls]
    return [answer.all() if answer.returns_rows else [] for answer in answers]
