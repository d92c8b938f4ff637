"""Tests that members of a group who read, send, take back, hide, come and go at once leave all counts exact."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from random import Random
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.message import Message
from db.session import engine, write
from infra.metrics import transaction_reruns
from messaging.conversation_id import group
from messaging.delete import delete_for_everyone, delete_for_oneself
from messaging.errors import Refused
from messaging.groups import views
from messaging.read import read
from messaging.recall import recall
from messaging.status import Status
from tests import groups
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE
from tests.messaging.conftest import read as read_rows
from tests.messaging.groups.counting import Rule, counts, joining, leaving, recounts, row_of, say, saying
from tests.processes import wait_until

ROUNDS = 60
AT_ONCE = 6
Together = Callable[..., list[Any]]


@pytest.fixture
def group_id(mariadb_database: str) -> int:
    """Make a group of ten, of which Alice is the owner and Bob an admin. Returns its id."""
    return groups.made(ALICE, CAROL, DAVE, *range(11, 17), admins=(BOB,))


@pytest.fixture
def together() -> Iterator[Together]:
    """Yields a function that runs rules at once and returns their answers or refusals. Other errors are raised."""
    with ThreadPoolExecutor(AT_ONCE) as threads:

        def run(*rules: Rule) -> list[Any]:
            start = Barrier(len(rules))

            def attempt(rule: Rule) -> Any:
                start.wait(30)
                try:
                    return write(rule)
                except Refused as refused:
                    return refused

            return [each.result(60) for each in [threads.submit(attempt, rule) for rule in rules]]

        yield run


def reading(group_id: int, user: int, message: Any = None) -> Rule:
    """Returns a rule by which a user reads all up to a message, or without one the whole group."""
    what = {"conversation_id": group(group_id)} if message is None else {"message_id": message.id}
    return lambda session, now: read(session, now, user_id=user, **what)


def taking(rule: Callable[..., Any], user: int, message: Any) -> Rule:
    return lambda session, now: rule(session, now, user_id=user, message_id=message.id)


def exact(group_id: int) -> None:
    assert counts(group_id) == recounts(group_id)


def test_reading_all_while_others_and_oneself_send(group_id: int, together: Together) -> None:
    for _ in range(ROUNDS):
        sent, own, done, _ = together(
            saying(group_id, ALICE), saying(group_id, DAVE), reading(group_id, DAVE), reading(group_id, CAROL)
        )
        exact(group_id)
        assert counts(group_id)[DAVE] == int(done.read_seq < sent.seq)
        assert row_of(group_id, DAVE).read_seq == done.read_seq <= max(sent.seq, own.seq)


def test_reading_up_to_a_message_while_it_or_a_neighbour_is_taken_back(group_id: int, together: Together) -> None:
    for turn in range(ROUNDS):
        before, message, after = (say(group_id, ALICE) for _ in range(3))
        gone = (before, message, after)[turn % 3]
        take = (recall, delete_for_everyone)[turn % 2]
        answers = together(
            taking(take, BOB, gone),
            reading(group_id, DAVE, message),
            reading(group_id, CAROL, before),
            reading(group_id, BOB),
        )
        assert not [answer for answer in answers if isinstance(answer, Refused)]
        exact(group_id)


def test_hiding_while_it_is_read_or_taken_back(group_id: int, together: Together) -> None:
    for turn in range(ROUNDS):
        message, last = say(group_id, ALICE), say(group_id, ALICE)
        together(
            taking(delete_for_oneself, DAVE, message),
            taking(delete_for_oneself, DAVE, message),
            taking(recall, ALICE, message) if turn % 2 else reading(group_id, DAVE, message),
            reading(group_id, DAVE, last) if turn % 3 else saying(group_id, DAVE),
        )
        exact(group_id)


def test_a_message_is_taken_back_once_by_two(group_id: int, together: Together) -> None:
    for _ in range(ROUNDS // 4):
        message = say(group_id, ALICE)
        answers = together(taking(recall, ALICE, message), taking(recall, BOB, message))
        assert len([answer for answer in answers if isinstance(answer, Refused)]) == 1
        exact(group_id)


def test_two_devices_read_to_different_places(group_id: int, together: Together) -> None:
    for _ in range(ROUNDS // 4):
        one, other, _ = (say(group_id, ALICE) for _ in range(3))
        together(reading(group_id, DAVE, one), reading(group_id, DAVE, other))
        assert row_of(group_id, DAVE).read_seq == other.seq
        assert counts(group_id)[DAVE] == 1
        exact(group_id)
        write(reading(group_id, DAVE))


def test_all_members_read_while_messages_are_taken_back_without_a_lock_fight(group_id: int, together: Together) -> None:
    """An UPDATE that went by the index of read_seq would meet the readers who move their entries in it."""
    before = _reruns()
    for _ in range(ROUNDS):
        message, last = say(group_id, ALICE), say(group_id, ALICE)
        readers = [reading(group_id, user, last) for user in (BOB, CAROL, DAVE, 11, 12)]
        together(taking(recall, ALICE, message), *readers)
        exact(group_id)
    assert _reruns() == before


def test_a_recall_waits_for_a_batch_of_proofs_that_it_does_not_hold_up(mariadb_database: str) -> None:
    """Dave came last, and is the first whose row a batch locks: by ids the recall would hold the others already."""
    group_id = groups.made(ALICE, 30, 31)
    write(joining(group_id, DAVE))
    message, before = say(group_id, ALICE), _reruns()

    def batch(session: Session, _now: datetime) -> None:
        views.lock(session, [(group(group_id), DAVE)])
        recalling = threads.submit(write, taking(recall, ALICE, message))
        wait_until(lambda: recalling.done() or _lock_waits(), "the recall to wait")
        views.lock(session, [(group(group_id), 30), (group(group_id), 31)])

    with ThreadPoolExecutor(1) as threads:
        write(batch)
    exact(group_id)
    assert counts(group_id) == {ALICE: 0, DAVE: 0, 30: 0, 31: 0}
    assert _reruns() == before


def _lock_waits() -> int:
    """Returns how many row locks are being waited for now."""
    status = "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'"
    with engine().connect() as connection:
        return int(connection.exec_driver_sql(status).one()[1])


def _reruns() -> float:
    return float(next(iter(transaction_reruns.collect())).samples[0].value)


def test_everything_at_once(group_id: int, together: Together) -> None:
    """Whatever members do in whatever order, each of them counts what the definition says."""
    random = Random(12)
    messages = [say(group_id, ALICE) for _ in range(5)]
    gone: set[int] = set()

    def something() -> Rule:
        user, message = random.choice([ALICE, BOB, CAROL, DAVE, 11, 12, 13]), random.choice(messages[-12:])
        takes = random.choice([recall, delete_for_everyone, delete_for_oneself])
        rules = [reading(group_id, user), reading(group_id, user, message), taking(takes, user, message)]
        stays = user != 13
        return random.choice([*rules, saying(group_id, user)] if stays else rules)

    for _ in range(ROUNDS * 3):
        mover = random.choice([13, 14])
        moving = (joining if mover in gone else leaving)(group_id, mover)
        gone ^= {mover}
        answers = together(moving, *(something() for _ in range(AT_ONCE - 1)))
        messages += [answer for answer in answers if isinstance(answer, Message)]
        exact(group_id)
    assert len(messages) > ROUNDS
    statuses = read_rows(lambda session: session.scalars(select(Message.status).distinct()).all())
    assert set(statuses) == {Status.SENT, Status.RECALLED, Status.DELETED}
