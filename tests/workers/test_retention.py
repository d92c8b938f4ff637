"""Tests of the task of retention: where it goes on, and that it does nothing unless asked to."""

from typing import Any

import pytest
from sqlalchemy import update

from db.message import Message
from db.session import write
from messaging.status import Status
from tests.messaging.conftest import ALICE, BOB, befriend, drain, messages, nothing_drifts, store_many, view
from tests.workers.conftest import Worker

DAY = "86400"


@pytest.fixture
def aged(worker: Worker) -> list[dict[str, Any]]:
    """Send seven messages to Bob, of which all but the last were sent long ago. Returns the Messages."""
    befriend(ALICE, BOB)
    sent = store_many(ALICE, BOB, 7, "secret")
    drain()
    old = update(Message).where(Message.id < sent[-1]["id"])
    long_ago = messages()[0].create_time.replace(year=2001)
    write(lambda session, _: session.execute(old.values(create_time=long_ago, update_time=long_ago)))
    return sent


def retain(worker: Worker, *statements: str, **environment: str) -> str:
    """Run the task, after other statements, as if the run before were long over. Returns what was logged."""
    worker.redis.delete("im:retention:recent")
    return worker.do("from workers import retention", *statements, "retention.retain()", **environment)


def standing() -> list[int]:
    return [message.seq for message in messages() if message.status < Status.DELETED]


def test_nothing_is_done_unless_it_is_asked_for(worker: Worker, aged: list[dict[str, Any]]) -> None:
    retain(worker)
    assert (standing(), worker.redis.keys("im:retention*")) == ([1, 2, 3, 4, 5, 6, 7], [])


def test_what_is_old_goes_and_the_sweep_tells_of_it(worker: Worker, aged: list[dict[str, Any]]) -> None:
    logged = retain(worker, "retention.PAGE = 2", RETENTION_SECONDS=DAY)
    assert (standing(), '"count": 2' in logged, "secret" in logged) == ([7], True, False)
    assert worker.redis.get("im:retention") == b"0"
    drain()
    assert view(BOB).unread_count == 1
    nothing_drifts()


def test_a_run_goes_on_where_the_one_before_ended_and_begins_anew_at_the_end(
    worker: Worker, aged: list[dict[str, Any]]
) -> None:
    worker.redis.set("im:retention", aged[3]["id"])
    retain(worker, RETENTION_SECONDS=DAY)
    assert standing() == [1, 2, 3, 4, 7]
    retain(worker, RETENTION_SECONDS=DAY)
    assert standing() == [7]


def test_two_runs_that_follow_each_other_at_once_are_one(worker: Worker, aged: list[dict[str, Any]]) -> None:
    worker.redis.set("im:retention:recent", 1)
    worker.do("from workers import retention", "retention.retain()", RETENTION_SECONDS=DAY)
    assert standing() == [1, 2, 3, 4, 5, 6, 7]


def test_texts_that_were_taken_back_are_wiped(worker: Worker, aged: list[dict[str, Any]]) -> None:
    recalled = update(Message).where(Message.id <= aged[1]["id"]).values(status=Status.RECALLED)
    write(lambda session, _: session.execute(recalled))
    counted = "print(REGISTRY.get_sample_value('im_retention_removed_total', {'what': 'text'}))"
    told = worker.do(
        "from workers import retention",
        "from prometheus_client import REGISTRY",
        "retention.retain()",
        counted,
        RETENTION_DELETED_SECONDS="60",
    )
    assert [message.content for message in messages()] == ["", "", *["secret"] * 5]
    assert '"what": "text"' in told
    assert "2.0" in told.splitlines()
