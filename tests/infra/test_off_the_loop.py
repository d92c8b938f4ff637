"""Tests that work which would stall a loop runs beside it, and that its exceptions reach its caller."""

import subprocess
import sys
import threading

import pytest

from infra.off_the_loop import off_the_loop
from tests.processes import ROOT

_IN_GEVENT = """
from gevent import monkey
monkey.patch_all()
from infra.off_the_loop import off_the_loop

native = monkey.get_original("_thread", "get_ident")

def fail():
    raise KeyError("a secret")

def leave():
    raise SystemExit(3)

print(off_the_loop(native) == native(), off_the_loop(lambda: None))
for failing in (fail, leave):
    try:
        off_the_loop(failing)
    except BaseException as error:
        print(type(error).__name__, *error.args)
"""


def test_an_exception_is_raised_where_it_was_asked_for_and_printed_nowhere() -> None:
    found = subprocess.run([sys.executable, "-c", _IN_GEVENT], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == ["False None", "KeyError a secret", "SystemExit 3"]
    assert found.stderr == ""


def test_without_gevent_the_caller_does_it() -> None:
    assert off_the_loop(threading.get_ident) == threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        off_the_loop(lambda: 1 // 0)


_POOLS = """
from gevent import monkey
monkey.patch_all()
import gevent
from infra.off_the_loop import off_the_loop

lock = monkey.get_original("_thread", "allocate_lock")()
lock.acquire()
started = []

def wait():
    started.append(1)
    lock.acquire()
    lock.release()

waiting = [gevent.spawn(off_the_loop, wait, pool="slow") for _ in range(12)]
while len(started) < 10:
    gevent.sleep(0.01)
with gevent.Timeout(20):
    print(off_the_loop(lambda: "gevent's own"), off_the_loop(lambda: "another pool", pool="quick"), len(started))
lock.release()
gevent.joinall(waiting)
print(len(started))
"""


def test_a_pool_that_is_taken_keeps_no_other_work_waiting() -> None:
    found = subprocess.run([sys.executable, "-c", _POOLS], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == ["gevent's own another pool 10", "12"]
