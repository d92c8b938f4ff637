"""Samples the stack of every Python process that is started with this directory in PYTHONPATH, and of its forks.

py-spy does it better, from outside, but must be installed. Every 5 ms of CPU time a signal handler counts the functions
on the main thread's stack, where gunicorn's greenlets and Celery's tasks run. The counts go into the directory
BENCH_SAMPLES, one file for each process, written every few seconds, so that a kill loses little.
"""

import json
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType

_INTERVAL = 0.005
_WRITE_EVERY = 3.0
_own: Counter[str] = Counter()
_within: Counter[str] = Counter()
_written = [0.0]
_entered: list[bool] = []


def _start() -> None:
    _own.clear()
    _within.clear()
    signal.signal(signal.SIGPROF, _sample)
    signal.setitimer(signal.ITIMER_PROF, _INTERVAL, _INTERVAL)


def _sample(_number: int, frame: FrameType | None) -> None:
    if _entered:  # writing took longer than the interval
        return
    _entered.append(True)
    names = []
    while frame:
        code = frame.f_code
        names.append(f"{code.co_qualname} ({'/'.join(code.co_filename.rsplit('/', 2)[-2:])})")
        frame = frame.f_back
    if names:
        _own[names[0]] += 1
        _within.update(set(names))
    if time.monotonic() - _written[0] > _WRITE_EVERY:
        _written[0] = time.monotonic()
        _write()
    _entered.clear()


def _write() -> None:
    kind = os.environ.get("HONCHO_PROCESS_NAME", Path(sys.argv[0]).name)
    counted = {"own": _own.most_common(200), "within": _within.most_common(400), "samples": _own.total()}
    Path(os.environ["BENCH_SAMPLES"], f"{kind}-{os.getpid()}.json").write_text(json.dumps(counted))


if "BENCH_SAMPLES" in os.environ:
    os.register_at_fork(after_in_child=_start)
    _start()
