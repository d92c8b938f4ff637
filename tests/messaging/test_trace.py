"""Tests of `trace`, which says where a message is."""

from db import session as database
from db.session import write
from messaging.errors import Code
from messaging.parked import set_back_oldest
from messaging.read import read
from messaging.trace import Trace, trace
from tests.messaging.conftest import ALICE, BOB, drain, messages, project, prove, refusal, shards, stored


def trace_of(message_id: int = 1) -> Trace:
    """Returns the trace of the only recipient."""
    (found,) = database.read(trace, message_id=message_id)
    return found


def stages() -> tuple[bool, bool, bool, bool]:
    found = trace_of()
    return found.projected, found.published, found.was_answered, found.was_read


def test_a_message_is_followed_to_its_reader(pair: str) -> None:
    message = stored(ALICE, BOB)
    assert stages() == (False, False, False, False)
    project()
    assert stages() == (True, False, False, False)
    drain()
    assert stages() == (True, True, False, False)
    prove(BOB, 0, 1)
    assert stages() == (True, True, True, False)
    write(read, user_id=BOB, conversation_id="1_2")
    assert stages() == (True, True, True, True)
    (row,) = messages()
    found = trace_of(message["id"])
    assert (found.user_id, found.conversation_id, found.seq) == (BOB, "1_2", 1)
    assert (found.stored, found.answered, found.read) == (row.create_time, row.delivered_at, row.read_at)


def test_times_are_unknown_until_it_happens(pair: str) -> None:
    stored(ALICE, BOB)
    assert (trace_of().answered, trace_of().read) == (None, None)
    drain()
    prove(BOB, 0, 1)
    assert (trace_of().answered is None, trace_of().read) == (False, None)


def test_a_message_read_alone_was_read(pair: str) -> None:
    message = stored(ALICE, BOB)
    stored(ALICE, BOB)
    drain()
    write(read, user_id=BOB, message_id=message["id"])
    assert (trace_of(1).was_read, trace_of(2).was_read) == (True, False)


def test_a_later_change_on_its_way_does_not_unpublish_it(pair: str) -> None:
    message = stored(ALICE, BOB)
    drain()
    write(read, user_id=BOB, message_id=message["id"])
    assert trace_of().published


def test_one_that_was_put_aside_is_not_published(pair: str) -> None:
    stored(ALICE, BOB)
    (shard,) = shards()
    for _ in range(5):
        write(set_back_oldest, shard=shard, error=KeyError("a fault"))
    assert (trace_of().published, trace_of().parked) == (False, True)


def test_an_absent_message(pair: str) -> None:
    assert refusal(lambda: trace_of(99)) == Code.NO_SUCH_MESSAGE
