"""The files in which the processes of one server count together: gunicorn's workers, or a Celery worker's children.

prometheus-client reads PROMETHEUS_MULTIPROC_DIR when it is imported: `begin` comes before that.
"""

import atexit
import fcntl
import os
import re
import shutil
import tempfile
from pathlib import Path

_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_PREFIX = "im-metrics-"
_OWNER = re.compile(rf"{_PREFIX}(\d+)-")
_OF_LIVING = re.compile(r"gauge_live\w*_(\d+)\.db")


def begin() -> None:
    """Make a directory that this process and its children count in, until this process ends.

    A second call, as by gunicorn's reload, changes nothing. What killed servers have left is removed.
    """
    if Path(os.environ.get(_VARIABLE, "")).name.startswith(f"{_PREFIX}{os.getpid()}-"):
        return
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = _OWNER.match(left.name)
        if owner and not _lives(int(owner[1])):
            shutil.rmtree(left, ignore_errors=True)
    made = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")
    os.environ[_VARIABLE] = made
    fcntl.flock(os.open(made, os.O_RDONLY), fcntl.LOCK_SH)  # systemd-tmpfiles leaves alone what is locked
    atexit.register(_end, made, os.getpid())


def directory() -> Path | None:
    """Returns the directory that this process counts in, None when it counts for itself alone."""
    return Path(os.environ[_VARIABLE]) if _VARIABLE in os.environ else None


def forget_the_dead() -> None:
    """Remove the gauges of children that have ended. Their counters stay: a total must not fall."""
    for path in (directory() or Path()).glob("gauge_live*.db"):
        owner = _OF_LIVING.fullmatch(path.name)
        if owner and not _lives(int(owner[1])):
            path.unlink(missing_ok=True)


def _end(made: str, owner: int) -> None:
    if os.getpid() == owner:  # children inherit this, and end before their parent does
        shutil.rmtree(made, ignore_errors=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
