"""Samples the stack of every Python process that is started with this directory in PYTHONPATH, and of its forks.

py-spy does it better, from outside, but must be installed. Every 5 ms of CPU time a signal handler counts the stack of
the main thread, where gunicorn's greenlets and Celery's tasks run. One signal makes it forget its counts and another
write them, in py-spy's form, into the directory BENCH_SAMPLES, where the driver looks for a file by the process's id.
"""

import os
import signal
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType

_INTERVAL = 0.005
_counts: Counter[tuple[CodeType, ...]] = Counter()


def _start() -> None:
    _counts.clear()
    signal.signal(signal.SIGPROF, _sample)
    signal.signal(signal.SIGRTMIN + 5, lambda *_: _counts.clear())
    signal.signal(signal.SIGRTMIN + 6, lambda *_: _write())
    signal.setitimer(signal.ITIMER_PROF, _INTERVAL, _INTERVAL)


def _sample(_number: int, frame: FrameType | None) -> None:
    codes = []
    while frame:
        codes.append(frame.f_code)
        frame = frame.f_back
    if codes:
        _counts[tuple(reversed(codes))] += 1


def _write() -> None:
    lines = [f"{';'.join(map(_place, stack))} {count}\n" for stack, count in _counts.copy().items()]
    Path(os.environ["BENCH_SAMPLES"], f"{os.getpid()}.txt").write_text("".join(lines))


def _place(code: CodeType) -> str:
    return f"{code.co_qualname} ({code.co_filename})"


if "BENCH_SAMPLES" in os.environ:
    os.register_at_fork(after_in_child=_start)
    _start()
