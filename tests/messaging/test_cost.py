"""What a send and its drain cost the database, counted in statements: it does not depend on the machine."""

from collections.abc import Iterator
from contextlib import contextmanager
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
    # clock, repeats, friends, heads locked, heads raised, messages, their ids, events
    assert len(seen) == 8, seen


@pytest.mark.parametrize("count", [1, 64])
def test_a_drain_costs_the_same_statements_whatever_its_size(count: int) -> None:
    for number in range(count):
        befriend(1, 100 + number)
    run(lambda s, now: send(s, now, drafts(count, "first"), directory=BuiltIn()))
    shards = range(16)
    for shard in shards:  # makes the conversation rows, and each shard's lock
        drain(shard)
    run(lambda s, now: send(s, now, drafts(count, "second"), directory=BuiltIn()))
    for shard in shards:
        with statements() as seen:
            applied = drain(shard)
        # clock, lock, events twice; with events also: rows (in parts of 100), messages, hidden, rows written, marked,
        # messages, hidden, deleted
        assert len(seen) == (14 if applied else 6), seen


def drain(shard: int) -> int:
    """Apply and publish a shard's events; how many there were."""
    applied = run(lambda s, now: apply_batch(s, now, shard=shard, limit=300))
    run(lambda s, now: publish_batch(s, now, shard=shard, limit=300, announce=lambda _: None))
    return applied or 0
