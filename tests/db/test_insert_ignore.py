"""Tests that rows whose keys are taken are left alone, and that any other fault is an error."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.orm import Session

from db.conversation import Conversation
from db.head import Head
from db.insert_ignore import insert_ignore, insert_new
from db.session import engine, read, write


def add(*names: str, shard: int | None = 0) -> None:
    rows: list[dict[str, Any]] = [{"conversation_id": name, "shard": shard} for name in names]
    write(lambda session, _: insert_ignore(session, Head, rows))


def add_one(name: str, shard: int | None = 0) -> bool:
    return write(lambda session, _: insert_new(session, Head, {"conversation_id": name, "shard": shard}))


def shards() -> dict[str, int]:
    return dict(read(lambda s, _: s.execute(select(Head.conversation_id, Head.shard)).tuples().all()))


def test_rows_that_are_there_stay_as_they_are(any_database: str) -> None:
    add("b", shard=1)
    add("a", "b", "c", shard=2)
    assert shards() == {"a": 2, "b": 1, "c": 2}
    add("a", "b", "c", shard=3)
    assert shards() == {"a": 2, "b": 1, "c": 2}


def test_a_row_given_twice_is_inserted_once(any_database: str) -> None:
    add("a", "a")
    assert shards() == {"a": 0}


def test_whoever_inserts_one_row_is_told_whether_it_is_new(any_database: str) -> None:
    assert [add_one("a", 1), add_one("a", 2), add_one("b", 3)] == [True, False, True]
    assert shards() == {"a": 1, "b": 3}


def test_a_row_that_is_there_ends_nothing(any_database: str) -> None:
    add("a")

    def rule(session: Session, _now: datetime) -> list[bool]:
        return [insert_new(session, Head, {"conversation_id": name, "shard": 1}) for name in ("b", "a", "c")]

    assert write(rule) == [True, False, True]
    assert shards() == {"a": 0, "b": 1, "c": 1}


def test_any_unique_key_counts(any_database: str) -> None:
    def rule(session: Session, now: datetime) -> list[bool]:
        row = {"conversation_id": "1_2", "user_id": 1, "friend_id": 2, "create_time": now, "update_time": now}
        found = [insert_new(session, Conversation, row) for _ in range(2)]
        insert_ignore(session, Conversation, [row | {"friend_id": 3}])
        return found

    assert write(rule) == [True, False]
    assert read(lambda session, _: session.scalars(select(Conversation.friend_id)).all()) == [2]


def test_columns_not_given_take_their_defaults(any_database: str) -> None:
    add("a")
    assert read(lambda session, _: session.execute(select(Head.last_seq, Head.change_seq)).one()) == (0, 0)


def test_many_rows_go_at_once(any_database: str) -> None:
    names = [f"{number}_9999" for number in range(1, 1001)]
    add(*names[::2], shard=1)
    add(*names, shard=2)
    assert list(shards().values()).count(1) == 500
    assert len(shards()) == 1000


@pytest.mark.parametrize("insert", [add, add_one], ids=["ignore", "new"])
def test_a_value_that_does_not_fit_is_an_error_and_is_not_cut(mariadb_database: str, insert: Any) -> None:
    with pytest.raises(DataError):
        insert("b" * 100)
    assert shards() == {}


def test_a_neighbour_of_a_value_that_does_not_fit_is_not_stored(mariadb_database: str) -> None:
    with pytest.raises(DataError):
        add("a", "b" * 100)
    assert shards() == {}


@pytest.mark.parametrize("insert", [lambda: add("a", shard=None), lambda: add_one("a", None)], ids=["ignore", "new"])
def test_a_value_that_is_missing_is_an_error(any_database: str, insert: Any) -> None:
    with pytest.raises(IntegrityError):
        insert()
    assert shards() == {}


def test_whoever_finds_a_row_there_holds_its_lock(mariadb_database: str) -> None:
    """With a shared lock two transactions that both want to change the row would wait for each other."""
    add("a")
    share = "LOCK IN SHARE MODE" if engine().dialect.is_mariadb else "FOR SHARE"  # type: ignore[attr-defined]

    def rule(session: Session, _now: datetime) -> None:
        insert_ignore(session, Head, [{"conversation_id": "a", "shard": 0}])
        with engine().connect() as other, pytest.raises(OperationalError):
            other.exec_driver_sql(f"SELECT 1 FROM im_conversation_head {share} NOWAIT")

    write(rule)
