"""Tests that rows that differ in every column are written in one statement."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import event, insert, select
from sqlalchemy.orm import Session

from db import session as database
from db.conversation import Conversation
from db.session import engine, read
from db.write_rows import write_rows

_COLUMNS = Conversation.__table__.columns


def rows() -> list[dict[str, Any]]:
    """Returns all rows as they are stored, without the column that the database computes."""
    found = read(lambda s, _: s.execute(select(*_COLUMNS).order_by(Conversation.id)).mappings().all())
    return [{name: value for name, value in row.items() if name != "undelivered"} for row in found]


@pytest.fixture
def three(any_database: str) -> list[dict[str, Any]]:
    """Store three conversation rows of one user. Returns them."""

    def rule(session: Session, now: datetime) -> None:
        common = {"user_id": 1, "last_seq": 9, "create_time": now, "update_time": now}
        given = [common | {"conversation_id": f"1_{peer}", "friend_id": peer} for peer in (2, 3, 4)]
        session.execute(insert(Conversation), given)

    database.write(rule)
    return rows()


def write(changed: list[dict[str, Any]], *columns: str) -> list[str]:
    """Write rows. Returns the statements that it took."""
    heard: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        heard.append(statement)

    def rule(session: Session, _now: datetime) -> None:
        session.connection()
        event.listen(engine(), "before_cursor_execute", hear)
        write_rows(session, Conversation, changed, columns)
        event.remove(engine(), "before_cursor_execute", hear)

    database.write(rule)
    return heard


def test_each_row_gets_its_own_values(three: list[dict[str, Any]]) -> None:
    changed = [row | {"unread_count": 10 + number} for number, row in enumerate(three)]
    write(changed, "unread_count")
    assert rows() == changed


def test_columns_not_named_stay_as_they_were(three: list[dict[str, Any]]) -> None:
    write([row | {"unread_count": 5, "read_seq": 7, "is_top": True} for row in three], "unread_count")
    assert rows() == [row | {"unread_count": 5} for row in three]


def test_rows_not_named_stay_as_they_were(three: list[dict[str, Any]]) -> None:
    write([three[1] | {"read_seq": 7}], "read_seq")
    assert rows() == [three[0], three[1] | {"read_seq": 7}, three[2]]


def test_a_value_may_become_null(three: list[dict[str, Any]]) -> None:
    filled = three[0] | {"last_message_content": "text", "last_message_id": 5}
    for row in (filled, three[0]):
        write([row], "last_message_content", "last_message_id")
        assert rows()[0] == row


def test_it_takes_one_statement(three: list[dict[str, Any]]) -> None:
    (statement,) = write([row | {"read_seq": 1} for row in three], "read_seq")
    assert statement.startswith("INSERT INTO im_conversation")


def test_no_rows_take_no_statement(three: list[dict[str, Any]]) -> None:
    assert write([], "read_seq") == []


def test_what_the_database_computes_follows(three: list[dict[str, Any]]) -> None:
    write([three[0] | {"delivered_seq": 9}], "delivered_seq")
    waiting = select(Conversation.undelivered).order_by(Conversation.id)
    assert database.write(lambda session, _: session.scalars(waiting).all()) == [False, True, True]
