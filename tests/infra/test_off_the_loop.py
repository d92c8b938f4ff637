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
