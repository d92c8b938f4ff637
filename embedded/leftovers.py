"""Processes that outlived the run that started them: a SIGKILL does not reach a process's children.

They are recognised by a mark in the environment that they were started with, never by a name or a bare process id:
neither another program nor a reused id is ever hit.
"""

import os
import signal
import time
from pathlib import Path

from embedded.place import NotStarted

_END = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 2.0))


def marked(mark: str) -> set[int]:
    """Returns the ids of the running processes that were started with `mark` ("NAME=value"), without this one's."""
    candidates = {int(entry.name) for entry in Path("/proc").glob("[0-9]*")} - {os.getpid()}
    return {pid for pid in candidates if _was_started_with(pid, os.fsencode(mark))}


def end(mark: str) -> None:
    """End the marked processes: SIGTERM, and SIGKILL after 5 s. Raises NotStarted when some live on 2 s after that."""
    for number, seconds in _END:
        deadline = time.monotonic() + seconds
        for pid in (living := marked(mark)):
            send(pid, number)
        while living and time.monotonic() < deadline:
            time.sleep(0.02)
            living = marked(mark)
        if not living:
            return
    raise NotStarted(f"left over from an earlier run, and does not end: process {min(marked(mark), default=0)}")


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended meanwhile."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _was_started_with(pid: int, entry: bytes) -> bool:
    try:
        return entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False  # ended meanwhile, or another user's
