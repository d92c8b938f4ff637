"""Tests of who may talk to whom by the built-in tables."""

import random
from datetime import UTC, datetime

from sqlalchemy import insert, text
from sqlalchemy.dialects import mysql

from db.blacklist import Blacklist
from db.friend import Friend
from db.session import read, write
from messaging import directory
from messaging.directory import Pair, talking_friends

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def befriend(*pairs: Pair) -> None:
    both = {(one, other) for pair in pairs for one, other in (pair, pair[::-1])}
    rows = [{"user_id": one, "friend_id": other} for one, other in sorted(both)]
    write(lambda session, now: session.execute(insert(Friend), [row | {"create_time": now} for row in rows]))


def block(*pairs: Pair) -> None:
    rows = [{"user_id": one, "blocked_id": other} for one, other in pairs]
    write(lambda session, now: session.execute(insert(Blacklist), [row | {"create_time": now} for row in rows]))


def may_talk(*pairs: Pair) -> set[Pair]:
    return read(directory.may_talk, set(pairs))


def test_friends_may_talk_both_ways(any_database: str) -> None:
    befriend((1, 2))
    assert may_talk((1, 2), (2, 1)) == {(1, 2), (2, 1)}
    assert may_talk((2, 1)) == {(2, 1)}, "only who was asked for"


def test_strangers_may_not(any_database: str) -> None:
    befriend((1, 2), (3, 4))
    assert may_talk((1, 3), (1, 404), (1, 1)) == set()


def test_a_block_stops_both_ways(any_database: str) -> None:
    befriend((1, 2), (1, 3))
    block((2, 1))
    assert may_talk((1, 2), (2, 1), (1, 3)) == {(1, 3)}


def test_a_block_of_somebody_else_stops_nothing(any_database: str) -> None:
    befriend((1, 2))
    block((1, 3), (3, 1), (2, 3), (3, 2))
    assert may_talk((1, 2), (2, 1)) == {(1, 2), (2, 1)}


def test_pairs_are_not_crossed(any_database: str) -> None:
    befriend((1, 2), (3, 4))
    assert may_talk((1, 4), (3, 2)) == set()


def test_nothing_asked_nothing_answered(any_database: str) -> None:
    assert may_talk() == set()


def test_all_pairs_take_one_statement(any_database: str, statements: list[str]) -> None:
    befriend((1, 2))
    statements.clear()
    may_talk(*((1, other) for other in range(2, 66)))
    assert sum("im_friend" in each for each in statements) == 1


def test_64_pairs_are_found_by_primary_keys_alone(mariadb_database: str) -> None:
    """The tables have some size, because MariaDB reads small ones whole, whatever their keys."""
    rng = random.Random(1)
    everybody = [(rng.randrange(2_000), rng.randrange(2_000)) for _ in range(20_000)]
    befriend(*everybody)
    block(*sorted(set(everybody[:3_000])))
    write(lambda session, _: session.execute(text("ANALYZE TABLE im_friend, im_user_blacklist")).all())
    pairs = sorted(set(everybody[-64:]))
    plan = write(
        lambda session, _: session.execute(text(f"EXPLAIN FORMAT=TRADITIONAL {_in_full(pairs)}")).mappings().all()
    )
    assert {row["key"] for row in plan} == {"PRIMARY"}
    assert [row["type"] for row in plan] in (
        ["range", "unique_subquery", "unique_subquery"],
        ["range", "eq_ref", "eq_ref"],  # MySQL's plan
    )
    assert sum(int(row["rows"]) for row in plan) < 2 * len(pairs) + 2


def _in_full(pairs: list[Pair]) -> str:
    """Returns the statement of `may_talk`, and its values."""
    (call,) = directory.may_talk.calls(pairs)
    literal = {"literal_binds": True}
    return str(call.statement.params(call.parameters).compile(dialect=mysql.dialect(), compile_kwargs=literal))


def test_friends_who_may_talk_are_listed(any_database: str) -> None:
    befriend((1, 3), (1, 2), (4, 1), (2, 3))
    assert read(talking_friends, user_ids=[1]) == {1: [2, 3, 4]}
    block((1, 3), (4, 1))
    assert read(talking_friends, user_ids=[1, 404, 1]) == {1: [2], 404: []}
    assert read(talking_friends, user_ids=[]) == {}
