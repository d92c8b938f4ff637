"""Tests of presence: a user is online while a relay that reports them is alive."""

from collections.abc import Callable

import pytest

from infra import presence
from infra.presence import DEAD_AFTER, GRACE
from infra.redis import RedisError, client
from tests.servers import RedisServer

ALICE, BOB = 1, 2


def redis_now() -> float:
    """Returns the time by Redis's clock, in Unix seconds."""
    seconds, microseconds = client().time()
    return float(seconds + microseconds / 1e6)


def last_heard(relay_id: str, seconds_ago: float) -> None:
    """Set a relay's last sign of life to that many seconds ago, by Redis's clock."""
    client().zadd("im:relays", {relay_id: redis_now() - seconds_ago})


def said_good_bye(relay_id: str, seconds_ago: float) -> None:
    client().zadd("im:relays:gone", {relay_id: redis_now() - seconds_ago})


def test_nobody_is_connected_at_first(redis: RedisServer) -> None:
    assert presence.connections() == 0
    assert presence.online([ALICE, BOB]) == set()
    assert presence.expire() == set()


def test_reports_of_all_relays_are_added_up(redis: RedisServer) -> None:
    presence.report("one", {ALICE: 2, BOB: 1})
    presence.report("two", {ALICE: 1})
    assert presence.connections() == 4
    assert presence.online([ALICE, BOB, 3]) == {ALICE, BOB}


def test_asking_about_nobody_is_answered(redis: RedisServer) -> None:
    presence.report("one", {ALICE: 1})
    assert presence.online([]) == set()


def test_a_report_replaces_the_one_before(redis: RedisServer) -> None:
    presence.report("one", {ALICE: 2})
    presence.report("one", {BOB: 1})
    assert (presence.connections(), presence.online([ALICE, BOB])) == (1, {BOB})
    presence.report("one", {})
    assert (presence.connections(), presence.online([ALICE, BOB])) == (0, set())


def test_coming_and_going_is_counted_over_all_relays(redis: RedisServer) -> None:
    for relay in ("one", "two"):
        presence.report(relay, {})
    assert [presence.join(relay, ALICE) for relay in ("one", "two", "one")] == [1, 2, 3]
    assert presence.join("one", BOB) == 1
    assert [presence.leave(relay, ALICE) for relay in ("one", "one", "two")] == [2, 1, 0]
    assert presence.online([ALICE, BOB]) == {BOB}


def test_a_relay_counts_for_itself_before_its_first_report(redis: RedisServer) -> None:
    assert presence.join("new", ALICE) == 1
    assert presence.join("new", ALICE) == 2


def test_a_relay_that_is_dead_is_not_believed(redis: RedisServer) -> None:
    presence.report("dead", {ALICE: 5})
    presence.report("alive", {})
    last_heard("dead", DEAD_AFTER + 1)
    assert presence.connections() == 0
    assert presence.online([ALICE]) == set()
    assert presence.join("alive", ALICE) == 1


def test_a_relay_not_heard_of_for_a_while_is_still_believed(redis: RedisServer) -> None:
    presence.report("slow", {ALICE: 1})
    last_heard("slow", DEAD_AFTER - 5)
    assert presence.online([ALICE]) == {ALICE}
    assert presence.expire() == set()


def test_a_dead_relay_takes_only_those_with_it_who_are_nowhere_else(redis: RedisServer) -> None:
    presence.report("dead", {ALICE: 1, BOB: 1})
    presence.report("alive", {BOB: 1})
    last_heard("dead", DEAD_AFTER + 1)
    assert presence.expire() == {ALICE}
    assert presence.expire() == set(), "that is told once"
    assert presence.online([ALICE, BOB]) == {BOB}


def test_a_relay_that_says_good_bye_leaves_its_users_a_grace(redis: RedisServer) -> None:
    presence.report("going", {ALICE: 1, BOB: 1})
    presence.withdraw("going")
    assert presence.online([ALICE, BOB]) == set()
    assert presence.expire() == set(), "they may be on their way to another relay"
    presence.report("alive", {BOB: 1})
    said_good_bye("going", GRACE + 1)
    assert presence.expire() == {ALICE}
    assert presence.expire() == set()


def test_a_relay_that_is_heard_of_again_is_believed_again(redis: RedisServer) -> None:
    presence.report("back", {ALICE: 1})
    last_heard("back", DEAD_AFTER + 1)
    presence.expire()
    presence.report("back", {ALICE: 1})
    assert presence.online([ALICE]) == {ALICE}


def test_a_count_below_nothing_is_nothing(redis: RedisServer) -> None:
    """A connection that ends between two reports can be subtracted twice."""
    for relay in ("one", "two"):
        presence.report(relay, {})
    assert presence.leave("one", ALICE) == 0
    assert presence.join("two", ALICE) == 1
    assert presence.online([ALICE]) == {ALICE}


def test_redis_may_forget_it_all(redis: RedisServer) -> None:
    presence.report("one", {ALICE: 1})
    redis.flushall()
    assert presence.connections() == 0
    presence.report("one", {ALICE: 1})
    assert presence.connections() == 1


def test_what_a_relay_leaves_behind_goes_by_itself(redis: RedisServer) -> None:
    presence.report("one", {ALICE: 1})
    assert 0 < client().ttl("im:relay:one:users") <= DEAD_AFTER * 4


@pytest.mark.parametrize("change", [presence.join, presence.leave])
def test_what_a_relay_counts_before_its_next_report_goes_by_itself_as_well(
    redis: RedisServer, change: Callable[[str, int], int]
) -> None:
    """Redis may have lost everything since the last report."""
    change("one", ALICE)
    assert 0 < client().ttl("im:relay:one:users") <= DEAD_AFTER * 4


def test_when_somebody_was_last_seen_is_redis_own_time(redis: RedisServer) -> None:
    before = int(redis_now())
    assert before <= presence.seen(ALICE) <= int(redis_now())


def test_a_redis_that_is_away_is_said(redis: RedisServer) -> None:
    redis.stop()
    for question in (presence.connections, presence.expire, lambda: presence.join("one", ALICE)):
        with pytest.raises(RedisError):
            question()
