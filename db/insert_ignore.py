"""INSERT that leaves existing rows alone, in the words of each database."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from db.base import Base, table


def insert_ignore(session: Session, model: type[Base], rows: Sequence[dict[str, Any]]) -> int:
    """Insert those of `rows` whose unique keys are free; one statement. Answers how many were new.

    Sort the rows by key first: two such statements in different orders can deadlock.
    """
    statement = insert(table(model)).prefix_with("IGNORE", dialect="mysql").prefix_with("OR IGNORE", dialect="sqlite")
    # On the connection: the session's bulk insert does not tell how many rows were new.
    result = session.connection().execute(statement.prefix_with("IGNORE", dialect="mariadb"), list(rows))
    return result.rowcount
