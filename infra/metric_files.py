"""The files in which the processes of one server count together: gunicorn's workers, or a Celery worker's children.

prometheus-client reads PROMETHEUS_MULTIPROC_DIR when it is imported: `begin` comes before that.
"""

import atexit
import fcntl
import os
import re
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_PREFIX = "im-metrics-"
_FILE = re.compile(r"(gauge_live\w*|counter|histogram)_(\d+)\.db")
# The files are mapped into memory: on a full disk a count would end its process (SIGBUS), and uploads fill disks.
_MEMORY = Path("/dev/shm")  # noqa: S108 - `mkdtemp` makes what nobody else can read


@cache
def begin() -> None:
    """Make a directory that this process and its children count in, until this process ends.

    A second call, as by gunicorn's reload, changes nothing. What killed servers have left is removed, and what this
    process has left when Celery has started Python in it again: nobody holds that any more.
    """
    place = _MEMORY if os.access(_MEMORY, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())
    for left in place.glob(f"{_PREFIX}*"):
        if (file := _held(left)) is not None:
            shutil.rmtree(left, ignore_errors=True)
            os.close(file)
    begun = Path(tempfile.mkdtemp(prefix="im-begun-", dir=place))
    _held(begun)
    made = begun.rename(begun.with_name(f"{_PREFIX}{os.getpid()}-{begun.name.removeprefix('im-begun-')}"))
    os.environ[_VARIABLE] = str(made)
    atexit.register(_end, made, os.getpid())


def _held(path: Path) -> int | None:
    """Returns a file by which this process and its children hold the directory; None if others do, or it is not ours.

    A pid would not do: containers share a place, and each of them has its own process 1. systemd-tmpfiles leaves alone
    what is held.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return None
    return file


def directory() -> Path | None:
    """Returns the directory that this process counts in, None when it counts for itself alone."""
    return Path(os.environ[_VARIABLE]) if _VARIABLE in os.environ else None


def fold() -> None:
    """Put the counts of all children that have ended together, so that any number of them leaves a file of each kind.

    A total must not fall. Their gauges, which say how things are now, are removed. One thread may do this at a time.
    """
    for path in (directory() or Path()).glob("*.db"):
        found = _FILE.fullmatch(path.name)
        if found and not _lives(int(found[2])):
            if found[1] in ("counter", "histogram"):
                _add(path, path.with_name(f"{found[1]}_ended.db"))
            path.unlink(missing_ok=True)


def _add(path: Path, total: Path) -> None:
    from prometheus_client.mmap_dict import MmapedDict  # here, since it comes after `begin`

    files: Any = MmapedDict  # has no types
    sums = files(str(total))
    for key, value, _, _ in files.read_all_values_from_file(str(path)):
        sums.write_value(key, sums.read_value(key)[0] + value, 0.0)
    sums.close()


def _end(made: Path, owner: int) -> None:
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
