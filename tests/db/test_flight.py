"""Tests that statements in flight are answered as SQLAlchemy answers them one by one, whatever befalls them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Executable, bindparam, func, insert, select, text, update

from db.base import table
from db.flight import Call, fly
from db.head import Head
from db.message import Message
from db.outbox import OutboxEvent
from db.session import read, write

HEADS, MESSAGES, EVENTS = table(Head), table(Message), table(OutboxEvent)
ODD = [
    "",
    " ",
    "it's",
    'say "x"',
    "back\\slash",
    "\\",
    "\\'",
    "'; DROP TABLE im_message; -- ",
    "a\x00b\x1a\r\n\t",
    "100% %s %(name)s %%",
    ":name ? {} $1",
    "😀 消息 \u2028 é",
    "`tick` /* comment */ # --",
    "1' OR '1'='1",
]


def message(seq: int, **fields: Any) -> dict[str, Any]:
    """Returns a row of im_message with a value for each column that needs one."""
    now = datetime(2020, 2, 29, 23, 59, 59)  # noqa: DTZ001 - naive UTC
    return {
        "conversation_id": "1_2",
        "seq": seq,
        "change_seq": seq,
        "from_user_id": 1,
        "to_user_id": 2,
        "message_type": 1,
        "content": "hello",
        "extra": None,
        "create_time": now,
        "update_time": now,
        "client_msg_id": None,
        "body_hash": None,
    } | fields


def event_row(**fields: Any) -> dict[str, Any]:
    now = datetime(2020, 2, 29)  # noqa: DTZ001 - naive UTC
    return {"shard": 1, "conversation_id": "1_2", "kind": 1, "message_id": 7, "create_time": now} | fields


def flown(*calls: Call) -> list[Any]:
    """Fly the calls in a transaction of their own. Returns the rows of each."""
    return write(lambda session, _: fly(session, *calls))


def in_turn(statement: Executable, parameters: Any = None) -> Sequence[Any]:
    """Returns what SQLAlchemy answers to a statement."""
    return read(lambda session, _: session.execute(statement, parameters).all())


def test_answers_come_in_the_order_of_the_calls(any_database: str) -> None:
    heads = [{"conversation_id": name, "shard": 3} for name in ("a", "b")]
    nothing, found, one, changed, last = flown(
        Call(insert(HEADS), heads),
        Call(select(HEADS.c.conversation_id, HEADS.c.last_seq).order_by(HEADS.c.conversation_id)),
        Call(text("SELECT 1")),
        Call(update(HEADS).where(HEADS.c.conversation_id == bindparam("name")).values(last_seq=9), {"name": "a"}),
        Call(select(HEADS.c.last_seq).where(HEADS.c.conversation_id == bindparam("name")), {"name": "a"}),
    )
    assert (nothing, changed) == ([], [])
    assert [(row.conversation_id, row.last_seq) for row in found] == [("a", 0), ("b", 0)]
    assert (one[0][0], last[0].last_seq) == (1, 9)


@pytest.mark.parametrize("content", ODD, ids=ascii)
def test_a_value_is_a_value_whatever_it_says(any_database: str, content: str) -> None:
    flown(
        Call(insert(MESSAGES), [message(1, content=content), message(2, content=f"{content}+{content}")]),
        Call(insert(MESSAGES), message(3, content=content)),
    )
    by_content = select(MESSAGES.c.seq, MESSAGES.c.content).where(
        MESSAGES.c.content.in_(bindparam("of", expanding=True))
    )
    ((found, count),) = [flown(Call(by_content, {"of": [content, "no"]}), Call(select(func.count(MESSAGES.c.id))))]
    assert [(row.seq, row.content) for row in found] == [(1, content), (3, content)]
    assert count[0][0] == 3
