"""Tests of presence: a user is online while a relay that reports them is alive."""

from collections.abc import Callable

import pytest

from infra import presence
from infra.presence import DEAD_AFTER, GRACE, Counts
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


def change(relay_id: str, user_id: int, by: int) -> int:
    """Let one connection come (1) or go (-1) at a relay that has just started. Returns the user's count."""
    (count,) = Counts(relay_id).change([(user_id, by)])
    return count


def join(relay_id: str, user_id: int) -> int:
    return change(relay_id, user_id, 1)


def leave(relay_id: str, user_id: int) -> int:
    return change(relay_id, user_id, -1)


def expire() -> set[int]:
    """Forget relays that are gone. Returns whom that leaves offline."""
    departed = presence.departed()
    presence.forget(departed)
    return departed.users


def said_good_bye(relay_id: str, seconds_ago: float) -> None:
    client().zadd("im:relays:gone", {relay_id: redis_now() - seconds_ago})


def test_nobody_is_connected_at_first(redis: RedisServer) -> None:
    assert presence.connections() == 0
    assert presence.online([ALICE, BOB]) == set()
    assert expire() == set()


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
    assert [join(relay, ALICE) for relay in ("one", "two", "one")] == [1, 2, 3]
    assert join("one", BOB) == 1
    assert [leave(relay, ALICE) for relay in ("one", "one", "two")] == [2, 1, 0]
    assert presence.online([ALICE, BOB]) == {BOB}


def test_those_who_come_and_go_together_are_counted_in_their_order(redis: RedisServer) -> None:
    presence.report("other", {ALICE: 3, BOB: 1})
    together = [(ALICE, 1), (BOB, 1), (ALICE, 1), (BOB, -1), (ALICE, -1), (3, 1), (BOB, -1)]
    assert Counts("one").change(together) == [4, 2, 5, 1, 4, 1, 1]


def test_fifty_take_one_trip_and_one_more_if_there_are_other_relays(redis: RedisServer) -> None:
    presence.report("one", {})
    counts = Counts("one")
    counts.change([(ALICE, 1)])
    assert trips(lambda: counts.change([(user, 1) for user in range(50)])) == {"hincrby": 50, "expire": 1}
    for relay in ("two", "three"):
        presence.report(relay, {})
    counts = Counts("one")
    counts.change([(ALICE, 1)])
    asked = trips(lambda: counts.change([(user, 1) for user in range(50)]))
    assert asked == {"hincrby": 50, "expire": 1, "hmget": 2}


def trips(work: Callable[[], object]) -> dict[str, int]:
    """Returns how often the server executes each command meanwhile."""
    client().config_resetstat()
    work()
    stats = client().info("commandstats")
    return {name.removeprefix("cmdstat_"): each["calls"] for name, each in stats.items() if "config" not in name}


def test_which_relays_are_alive_is_remembered_for_a_second(redis: RedisServer) -> None:
    now = 1_000.0
    counts = Counts("one", clock=lambda: now)
    assert counts.change([(ALICE, 1)]) == [1]
    presence.report("two", {ALICE: 1})
    assert counts.change([(ALICE, 1)]) == [2]
    now += 1.1
    assert counts.change([(ALICE, 1)]) == [4]
    last_heard("two", DEAD_AFTER + 1)
    now += 1.1
    assert counts.change([(ALICE, -1)]) == [2]


def test_a_relay_counts_for_itself_before_its_first_report(redis: RedisServer) -> None:
    assert join("new", ALICE) == 1
    assert join("new", ALICE) == 2
    assert presence.online([ALICE]) == {ALICE}


def test_a_relay_that_is_dead_is_not_believed(redis: RedisServer) -> None:
    presence.report("dead", {ALICE: 5})
    presence.report("alive", {})
    last_heard("dead", DEAD_AFTER + 1)
    assert presence.connections() == 0
    assert presence.online([ALICE]) == set()
    assert join("alive", ALICE) == 1


def test_a_relay_not_heard_of_for_a_while_is_still_believed(redis: RedisServer) -> None:
    presence.report("slow", {ALICE: 1})
    last_heard("slow", DEAD_AFTER - 5)
    assert presence.online([ALICE]) == {ALICE}
    assert expire() == set()


def test_a_dead_relay_takes_only_those_with_it_who_are_nowhere_else(redis: RedisServer) -> None:
    presence.report("dead", {ALICE: 1, BOB: 1})
    presence.report("alive", {BOB: 1})
    last_heard("dead", DEAD_AFTER + 1)
    assert expire() == {ALICE}
    assert expire() == set(), "that is told once"
    assert presence.online([ALICE, BOB]) == {BOB}


def test_what_was_not_told_is_told_again(redis: RedisServer) -> None:
    """The worker may die before it has announced anybody: only then is a relay forgotten."""
    presence.report("dead", {ALICE: 1})
    last_heard("dead", DEAD_AFTER + 1)
    assert presence.departed().users == {ALICE}
    departed = presence.departed()
    assert departed.users == {ALICE}
    presence.forget(departed)
    assert presence.departed().relays == []


def test_a_relay_that_comes_back_before_it_is_forgotten_is_kept(redis: RedisServer) -> None:
    presence.report("late", {ALICE: 1})
    last_heard("late", DEAD_AFTER + 1)
    departed = presence.departed()
    presence.report("late", {BOB: 1})
    presence.forget(departed)
    assert presence.online([ALICE, BOB]) == {BOB}


def test_what_is_forgotten_leaves_nothing_behind(redis: RedisServer) -> None:
    presence.report("dead", {ALICE: 1})
    presence.report("going", {ALICE: 1})
    last_heard("dead", DEAD_AFTER + 1)
    presence.withdraw("going")
    said_good_bye("going", GRACE + 1)
    assert expire() == {ALICE}
    assert client().keys("im:*") == []


def test_a_relay_that_says_good_bye_leaves_its_users_a_grace(redis: RedisServer) -> None:
    presence.report("going", {ALICE: 1, BOB: 1})
    presence.withdraw("going")
    assert presence.online([ALICE, BOB]) == set()
    assert expire() == set(), "they may be on their way to another relay"
    presence.report("alive", {BOB: 1})
    said_good_bye("going", GRACE + 1)
    assert expire() == {ALICE}
    assert expire() == set()


def test_a_relay_that_is_heard_of_again_is_believed_again(redis: RedisServer) -> None:
    presence.report("back", {ALICE: 1})
    last_heard("back", DEAD_AFTER + 1)
    expire()
    presence.report("back", {ALICE: 1})
    assert presence.online([ALICE]) == {ALICE}


def test_a_count_below_nothing_is_nothing(redis: RedisServer) -> None:
    """A connection that ends between two reports can be subtracted twice."""
    for relay in ("one", "two"):
        presence.report(relay, {})
    assert leave("one", ALICE) == 0
    assert join("two", ALICE) == 1
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


@pytest.mark.parametrize("by", [1, -1])
def test_what_a_relay_counts_before_its_next_report_goes_by_itself_as_well(redis: RedisServer, by: int) -> None:
    """Redis may have lost everything since the last report."""
    change("one", ALICE, by)
    assert 0 < client().ttl("im:relay:one:users") <= DEAD_AFTER * 4


def test_when_somebody_was_last_seen_is_redis_own_time(redis: RedisServer) -> None:
    before = int(redis_now())
    assert before <= presence.seen([ALICE]) <= int(redis_now())


def test_a_redis_that_is_away_is_said(redis: RedisServer) -> None:
    redis.stop()
    for question in (presence.connections, presence.departed, lambda: join("one", ALICE)):
        with pytest.raises(RedisError):
            question()
