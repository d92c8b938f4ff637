"""What a send and its drain cost the database, counted in statements: it does not depend on the machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from typing import Any

import pytest
from sqlalchemy import event

from db.session import engine, run
from messaging.directory import BuiltIn
from messaging.draft import Draft
from messaging.events import apply_batch, publish_batch
from messaging.send import send
from tests.messaging.conftest import befriend

pytestmark = pytest.mark.usefixtures("mariadb_database")


@contextmanager
def statements() -> Iterator[list[str]]:
    """Every statement that is executed meanwhile; an executemany that PyMySQL sends as one counts as one."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement.split("\n")[0])

    event.listen(engine(), "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine(), "before_cursor_execute", note)


def drafts(count: int, key: str) -> list[Draft]:
    return [Draft(1, 100 + number, 1, "hello", None, f"{key} {number}") for number in range(count)]


@pytest.mark.parametrize("count", [1, 64])
def test_a_batch_costs_the_same_statements_whatever_its_size(count: int) -> None:
    for number in range(count):
        befriend(1, 100 + number)
    store = lambda key: run(lambda s, now: send(s, now, drafts(count, key), directory=BuiltIn()))  # noqa: E731
    store("first")  # makes the conversations
    with statements() as seen:
        store("second")
    # clock, repeats, friends, heads locked, heads raised, messages, events
    assert len(seen) == 7, seen


@pytest.mark.parametrize("count", [1, 64])
def test_a_drain_costs_the_same_statements_whatever_its_size(count: int) -> None:
    for number in range(count):
        befriend(1, 100 + number)
    run(lambda s, now: send(s, now, drafts(count, "first"), directory=BuiltIn()))
    drain()  # makes the conversation rows, and each shard's lock
    run(lambda s, now: send(s, now, drafts(count, "second"), directory=BuiltIn()))
    with statements() as seen:
        assert drain() == count
    parts = ceil(2 * count / 100)
    # clock, locks, events, rows in parts of 100, messages, hidden, rows written, marked;
    # clock, locks, events, messages, hidden, deleted
    assert len(seen) == 7 + parts + 6, seen


def drain() -> int:
    """Apply and publish the events of all shards; how many there were."""
    shards = range(16)
    applied = run(lambda s, now: apply_batch(s, now, shards=shards, limit=300))
    run(lambda s, now: publish_batch(s, now, shards=shards, limit=300, announce=lambda _: None))
    return applied.count
