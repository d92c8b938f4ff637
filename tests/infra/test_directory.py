"""Tests of the outside directory with real services: asked once, in time, and not at all while they are away."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from infra import breaker, cache
from infra.directory import DirectoryAway, OutsideDirectory
from tests import databases
from tests.processes import wait_until
from tests.rpc.outside import Outside
from tests.servers import OutsideRedis, RedisServer

MAY = {(1, 2)}


@pytest.fixture
def outside() -> Iterator[Outside]:
    made = Outside()
    made.friends = {1: "Alice", 2: "Bob", 3: "Carol"}
    yield made
    made.stop()


@pytest.fixture
def use_redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    def use(redis_url: str) -> None:
        for name, value in databases.environment("sqlite://", redis_url).items():
            monkeypatch.setenv(name, value)
        cache.settings.cache_clear()
        cache.quick_client.cache_clear()

    yield use
    cache.settings.cache_clear()
    cache.quick_client.cache_clear()


@pytest.fixture
def directory(outside: Outside, use_redis: Any) -> OutsideDirectory:
    """Returns a directory without a Redis, so that nothing is cached."""
    use_redis(databases.NOBODY_LISTENS)
    return OutsideDirectory(outside.address, outside.address)


@pytest.fixture
def caching(outside: Outside, use_redis: Any, own_redis: RedisServer | OutsideRedis) -> OutsideDirectory:
    use_redis(own_redis.url)
    return OutsideDirectory(outside.address, outside.address)


def test_friends_may_talk_and_strangers_may_not(directory: OutsideDirectory) -> None:
    assert directory.may_talk({(1, 2), (2, 1), (1, 9)}) == {(1, 2), (2, 1)}


@pytest.mark.parametrize("block", [(1, 2), (2, 1)])
def test_a_block_ends_it_in_both_directions(
    directory: OutsideDirectory, outside: Outside, block: tuple[int, int]
) -> None:
    outside.block(*block)
    assert directory.may_talk({(1, 2), (2, 1), (1, 3)}) == {(1, 3)}


def test_profiles_leave_out_who_is_unknown(directory: OutsideDirectory) -> None:
    assert directory.profiles({1, 9}) == {1: ("Alice", "a.png")}


def test_friends_are_listed(directory: OutsideDirectory, outside: Outside) -> None:
    assert directory.talking_friends(1) == [2, 3]
    outside.block(3, 1)
    assert directory.talking_friends(1) == [2]


def test_of_hundreds_of_friends_few_are_asked_about_at_once(directory: OutsideDirectory, outside: Outside) -> None:
    outside.friends |= {user: "a friend" for user in range(10, 410)}
    assert len(directory.talking_friends(1)) == 402
    assert 402 <= outside.calls["CheckBlocked"] < 804, "what comes late is asked for again"
    assert not outside.calls["CheckFriendship"]
    assert outside.most_at_once <= 32


def test_the_last_known_names_are_told_while_the_user_centre_is_away(
    caching: OutsideDirectory, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "SECONDS", 0.05)
    alice = {1: ("Alice", "a.png")}
    assert caching.profiles({1}) == alice
    assert caching.may_talk(MAY) == MAY
    outside.stop()
    wait_until(lambda: not _talks(caching), "friendship to be refused, whatever was known", seconds=5)
    assert caching.profiles({1, 2}) == alice


def test_answers_are_cached(caching: OutsideDirectory, outside: Outside) -> None:
    for _ in range(3):
        assert caching.may_talk(MAY) == MAY
        assert caching.profiles({1}) == {1: ("Alice", "a.png")}
        assert caching.talking_friends(1) == [2, 3]
    assert outside.calls == {"CheckFriendship": 1, "CheckBlocked": 1 + 2, "getUserInfo": 1, "GetFriendList": 1}


def test_no_lives_shorter_than_yes(
    caching: OutsideDirectory, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "NEGATIVE_SECONDS", 0.2)
    assert caching.may_talk({(1, 2), (1, 9)}) == MAY
    outside.friends[9] = "Dave"
    wait_until(lambda: caching.may_talk({(1, 9)}), "the stranger to be asked for again", seconds=5)
    assert caching.may_talk(MAY) == MAY
    assert outside.calls["CheckFriendship"] == 3


def test_many_at_once_ask_once(directory: OutsideDirectory, outside: Outside) -> None:
    outside.freeze()
    begun: list[int] = []

    def ask(number: int) -> set[tuple[int, int]]:
        begun.append(number)
        return directory.may_talk(MAY)

    with ThreadPoolExecutor(20) as pool:
        asking = [pool.submit(ask, number) for number in range(20)]
        wait_until(lambda: outside.calls["CheckFriendship"], "the first to ask")
        wait_until(lambda: len(begun) == 20, "all to ask")
        outside.thaw()
        assert all(each.result() == MAY for each in asking)
    assert outside.calls["CheckFriendship"] < 20


def test_a_flight_is_shared(outside: Outside, use_redis: Any) -> None:
    use_redis(databases.NOBODY_LISTENS)
    entered, goes_on = threading.Event(), threading.Event()
    fetches = []

    def fetch(keys: Any) -> dict[str, int]:
        fetches.append(list(keys))
        entered.set()
        assert goes_on.wait(10)
        return dict.fromkeys(keys, 1)

    shared = cache.Cache("test")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(shared.get, ["a"], fetch)
        assert entered.wait(10)
        second = pool.submit(shared.get, ["a", "b"], fetch)
        wait_until(lambda: len(fetches) == 2, "the second to fetch what nobody does")
        goes_on.set()
        assert (first.result(), second.result()) == ({"a": 1}, {"a": 1, "b": 1})
    assert fetches == [["a"], ["b"]]


def test_one_that_does_not_answer_is_given_up_within_a_second(directory: OutsideDirectory, outside: Outside) -> None:
    outside.freeze()
    started = time.monotonic()
    with pytest.raises(DirectoryAway):
        directory.may_talk(MAY)
    assert 0.5 < time.monotonic() - started < 1, "300 ms, and once more"
    wait_until(lambda: outside.calls["CheckFriendship"] == 2, "the retry")


def test_one_that_is_down_is_left_alone_and_found_again(directory: OutsideDirectory, outside: Outside) -> None:
    outside.stop()
    for _ in range(breaker.FAILURES):
        started = time.monotonic()
        with pytest.raises(DirectoryAway):
            directory.may_talk(MAY)
        assert time.monotonic() - started < 1
    outside.start()
    with pytest.raises(DirectoryAway, match="left alone"):
        directory.may_talk(MAY)
    assert not outside.calls["CheckFriendship"]
    wait_until(lambda: _talks(directory), "the breaker to close", seconds=10)
    assert _talks(directory)


def _talks(directory: OutsideDirectory) -> bool:
    try:
        return directory.may_talk(MAY) == MAY
    except DirectoryAway:
        return False


def test_nonsense_is_no_answer(directory: OutsideDirectory, outside: Outside) -> None:
    outside.malformed = True
    with pytest.raises(DirectoryAway):
        directory.may_talk(MAY)
    assert directory.profiles({1}) == {}


def test_another_user_is_no_answer(directory: OutsideDirectory, outside: Outside) -> None:
    outside.lies = True
    assert directory.profiles({1}) == {}


def test_one_service_away_leaves_the_other(outside: Outside, use_redis: Any) -> None:
    use_redis(databases.NOBODY_LISTENS)
    directory = OutsideDirectory("127.0.0.1:1", outside.address)
    with pytest.raises(DirectoryAway):
        directory.talking_friends(1)
    assert directory.profiles({1}) == {1: ("Alice", "a.png")}


def test_failures_are_not_cached(caching: OutsideDirectory, outside: Outside) -> None:
    outside.malformed = True
    with pytest.raises(DirectoryAway):
        caching.may_talk(MAY)
    outside.malformed = False
    assert caching.may_talk(MAY) == MAY


def test_a_redis_that_hangs_costs_a_moment(caching: OutsideDirectory, outside: Outside, own_redis: RedisServer) -> None:
    own_redis.freeze()
    started = time.monotonic()
    assert caching.may_talk(MAY) == MAY
    assert caching.may_talk({(1, 3)}) == {(1, 3)}
    assert time.monotonic() - started < 1
    own_redis.thaw()
