"""Tests of servers that fork several processes, which share what the first has loaded."""

import signal
from concurrent.futures import ThreadPoolExecutor

import psutil

from tests.people import Web, conversation, friends, history, send
from tests.processes import wait_until
from tests.stack import Stack

_AT_ONCE = 32
_EACH = 10


def test_a_process_that_dies_is_replaced(stack: Stack) -> None:
    server = psutil.Process(stack.add("web", WEB_CONCURRENCY="2").pid)
    first, other = server.children()
    first.send_signal(signal.SIGKILL)
    wait_until(lambda: len(set(server.children()) - {first}) == 2, "two processes again")
    assert other in server.children()


def test_a_worker_starts_again_when_it_is_told_to(stack: Stack) -> None:
    worker = stack.add("worker")
    started = worker.output().count(" ready.")
    psutil.Process(worker.pid).send_signal(signal.SIGHUP)
    wait_until(lambda: worker.output().count(" ready.") > started, "it to be ready again")
    assert worker.running


def test_many_sends_at_once_wait_for_each_other_in_greenlets(stack: Stack) -> None:
    web = Web(stack.add("web", RATE_LIMITS="0", WEB_CONCURRENCY="2").url)
    pairs = [friends(web) for _ in range(4)]

    def talk(number: int) -> list[int]:
        alice, bob = pairs[number % len(pairs)]
        return [send(web, alice, bob, f"{number}, {turn}")["seq"] for turn in range(_EACH)]

    with ThreadPoolExecutor(_AT_ONCE) as clients:
        seqs = list(clients.map(talk, range(_AT_ONCE)))
    for place, (alice, bob) in enumerate(pairs):
        given = sorted(seq for some in seqs[place :: len(pairs)] for seq in some)
        assert given == list(range(1, _AT_ONCE * _EACH // len(pairs) + 1))
        assert len(history(web, bob, conversation(alice, bob), limit=100)) == len(given)
