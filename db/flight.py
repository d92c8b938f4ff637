"""Statements in flight: the statements of a step are sent at once, and their answers are read in order.

Invariants: each statement is a packet of its own; COMMIT is never in a flight; a flight that fails is rolled back
whole, because the statements behind the one that failed have been executed as well. For SQLAlchemy a flight is one
execution on its cursor, so that errors, lost connections and events are its own business as ever.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Engine, Executable, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from db.pipeline import exchange
from db.sql_text import Given, sql_text

Rows = Sequence[Any]

TAKES_FLIGHTS = "im_takes_flights"  # an execution option: a connection sends the calls of a flight at once
_FLIGHT = "im_flight"


class Call(NamedTuple):
    """A statement, built once, with its parameters: a dict, or a list of dicts for an INSERT of many rows."""

    statement: Executable
    parameters: Given = None


class _Flight:
    """Statements on their way, and then their answers."""

    __slots__ = ("answers", "statements")

    def __init__(self, statements: list[str]) -> None:
        self.statements = statements
        self.answers: list[Any] = []


def fly(session: Session, *calls: Call) -> list[Rows]:
    """Execute the calls in order. Returns the rows of each, none for a statement without rows.

    Raises what SQLAlchemy raises for the first statement that fails. A connection on which anything else came up is
    not used again: there may be answers on it that nobody has read.
    """
    if not calls:
        return []
    connection = session.connection()
    if not connection.get_execution_options().get(TAKES_FLIGHTS):
        results = [connection.execute(call.statement, call.parameters) for call in calls]
        return [result.all() if result.returns_rows else [] for result in results]
    texts = [sql_text(call.statement, connection.dialect, call.parameters) for call in calls]
    bound = [text.bind(call.parameters) for text, call in zip(texts, calls, strict=True)]
    flight = _Flight([_literal(connection.connection.driver_connection, *each) for each in bound])
    try:
        connection.exec_driver_sql("; ".join(map(str, texts)), execution_options={_FLIGHT: flight})
    except DBAPIError:
        raise
    except BaseException:
        connection.invalidate()
        raise
    return [
        text.rows(tuple(column[0] for column in answer.description), answer.rows) if answer.description else []
        for text, answer in zip(texts, flight.answers, strict=True)
    ]


def _literal(driver: Any, sql: str, values: Sequence[Any]) -> str:
    """Returns the SQL with its values in it, by the driver's own escaping. A plain int is written as it is."""
    escape = driver.escape
    return sql % tuple(value if type(value) is int else escape(value) for value in values)


def let_fly(engine: Engine) -> None:
    """Have the connections of an engine for PyMySQL send the calls of a flight at once. Others take them in turn."""
    event.listen(engine, "do_execute", _execute)
    engine.update_execution_options(**{TAKES_FLIGHTS: True})


def _execute(cursor: Any, _statement: str, _parameters: Any, context: Any) -> bool:
    """Returns whether the execution was a flight, and is done."""
    flight = context.execution_options.get(_FLIGHT)
    if flight is None:
        return False
    flight.answers = exchange(cursor.connection, flight.statements)
    return True
