"""Rows whose keys are taken are left alone, and nothing is said but how many were new."""

from typing import Any

from sqlalchemy import select

from db.conversation import Conversation
from db.head import Head
from db.insert_ignore import insert_ignore
from db.session import run


def add(*names: str, shard: int = 0) -> int:
    rows: list[dict[str, Any]] = [{"conversation_id": name, "shard": shard} for name in names]
    return run(lambda session, _: insert_ignore(session, Head, rows))


def shards() -> dict[str, int]:
    return dict(run(lambda s, _: s.execute(select(Head.conversation_id, Head.shard)).tuples().all(), write=False))


def test_new_rows_are_inserted_and_counted(any_database: str) -> None:
    assert add("a", "b", shard=1) == 2
    assert shards() == {"a": 1, "b": 1}


def test_rows_that_are_there_stay_as_they_are(any_database: str) -> None:
    add("b", shard=1)
    assert add("a", "b", "c", shard=2) == 2
    assert shards() == {"a": 2, "b": 1, "c": 2}
    assert add("a", "b", "c", shard=3) == 0


def test_one_row_alone_is_counted_as_well(any_database: str) -> None:
    assert [add("a"), add("a")] == [1, 0]


def test_a_row_given_twice_is_inserted_once(any_database: str) -> None:
    assert add("a", "a") == 1


def test_any_unique_key_counts(any_database: str) -> None:
    def rule(session: Any, now: Any) -> list[int]:
        row = {"conversation_id": "1_2", "user_id": 1, "friend_id": 2, "create_time": now, "update_time": now}
        return [insert_ignore(session, Conversation, [row]) for _ in range(2)]

    assert run(rule) == [1, 0]


def test_columns_not_given_take_their_defaults(any_database: str) -> None:
    add("a")
    assert run(lambda session, _: session.execute(select(Head.last_seq, Head.change_seq)).one()) == (0, 0)


def test_many_rows_go_at_once(any_database: str) -> None:
    names = [f"{number}_9999" for number in range(1, 1001)]
    add(*names[::2])
    assert add(*names) == 500
    assert len(shards()) == 1000
