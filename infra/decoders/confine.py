"""What a decoder may use up. Set before anything is read."""

import ctypes
import os
import resource
import signal
import sys

ADDRESS_SPACE_BYTES = 1 << 30  # a picture of 50 megapixels takes 200 MB, the libraries 130 MB
CPU_SECONDS = 20
WALL_SECONDS = 30
_FILE_BYTES = 1 << 28
_OPEN_FILES = 32
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38


def confine(parent: int, *, cpu_seconds: int = CPU_SECONDS) -> None:
    """Let this process be ended by the kernel when it takes too much, or when `parent` is gone."""
    for limit, soft, hard in (
        (resource.RLIMIT_AS, ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES),
        (resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 5),  # SIGXCPU tells it from an end that others made
        (resource.RLIMIT_FSIZE, _FILE_BYTES, _FILE_BYTES),
        (resource.RLIMIT_NOFILE, _OPEN_FILES, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        resource.setrlimit(limit, (soft, hard))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, WALL_SECONDS)
    os.nice(10)  # sends of messages go first
    if sys.platform == "linux":
        _end_with(parent)


def _end_with(parent: int) -> None:
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it has gone before
        sys.exit(os.EX_UNAVAILABLE)
