"""Runs `python -m infra.decoders` on a file: a process for each, with nothing of this one but that file."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from signal import SIGALRM, SIGKILL
from tempfile import TemporaryFile
from typing import BinaryIO

from infra import logs

log = logs.get(__name__)

AT_ONCE = 2  # a process each takes a core
WAIT_SECONDS = 30.0
_ROOT = Path(__file__).resolve().parents[2]
# Longer than a decoder lives (`infra/decoders/confine.py`), so that this is only for one that is stopped.
_WALL_SECONDS = 40.0
_ANSWER_BYTES = 65_536
_NEEDED = ("LD_LIBRARY_PATH", "PATH", "TMPDIR")
_NOT_THE_FILES_FAULT = (-SIGALRM, -SIGKILL)

_places = threading.BoundedSemaphore(AT_ONCE)


class Unavailable(Exception):
    """The work did not take place: no process, no time, no room on the disk. The same bytes may pass later."""


class Crashed(Exception):
    """The process was ended by what it read: a fault, or too much computing."""


def run(work: list[str], source: BinaryIO, output: BinaryIO) -> bytes:
    """Returns what a decoder answers to `work`, at most 64 KiB. What it makes of `source` goes into `output`.

    Both are real files, and their positions stay. At most AT_ONCE decoders run, and callers wait for WAIT_SECONDS.
    Raises Crashed, Unavailable.
    """
    if not _places.acquire(timeout=WAIT_SECONDS):
        raise Unavailable("all decoders are busy")
    try:
        with TemporaryFile() as answer:
            source.flush()
            code = _run(work, (source.fileno(), output.fileno(), answer.fileno()))
            told = os.pread(answer.fileno(), _ANSWER_BYTES, 0)
    except (OSError, subprocess.TimeoutExpired) as error:
        log.warning("decoder_unavailable", error=type(error).__name__)
        raise Unavailable(str(error)) from error
    finally:
        _places.release()
    if code == 0:
        return told
    log.warning("decoder_ended", work=work, code=code)
    if code > 0 or code in _NOT_THE_FILES_FAULT:
        raise Unavailable(f"the decoder ended with {code}")
    raise Crashed(f"the decoder ended with {code}")


def _run(work: list[str], files: tuple[int, ...]) -> int:
    """Returns how a decoder ended. It is never left over, and inherits the three files alone."""
    positions = [os.lseek(file, 0, os.SEEK_CUR) for file in files]  # the decoder moves them under Python's buffers
    process = subprocess.Popen(  # noqa: S603 - nothing in it comes from a client
        [sys.executable, "-m", "infra.decoders", str(os.getpid()), *map(str, files), *work],
        cwd=_ROOT,
        # The environment holds secrets. One arena, because each takes from the little address space there is.
        env={name: os.environ[name] for name in _NEEDED if name in os.environ} | {"MALLOC_ARENA_MAX": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=files,
    )
    try:
        return process.wait(_WALL_SECONDS)
    finally:
        process.kill()
        process.wait()
        for file, position in zip(files, positions, strict=True):
            os.lseek(file, position, os.SEEK_SET)
