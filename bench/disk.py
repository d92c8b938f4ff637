"""The check that the benchmark's data is on a disk: in memory, a COMMIT would cost nothing and no figure be true."""

from pathlib import Path

import psutil

_IN_MEMORY = {"tmpfs", "ramfs", "ramdisk"}


class NotOnDisk(Exception):
    """The directory is in memory."""


def filesystem(directory: Path) -> str:
    """Returns the type of the file system that holds a directory, or "unknown"."""
    mounts = {Path(each.mountpoint): each.fstype for each in psutil.disk_partitions(all=True)}
    resolved = directory.resolve()
    return next((mounts[place] for place in (resolved, *resolved.parents) if place in mounts), "unknown")


def require(directory: Path) -> None:
    """Raise NotOnDisk when the directory is in memory."""
    kind = filesystem(directory)
    if kind in _IN_MEMORY:
        raise NotOnDisk(f"{directory} is on {kind}: set BENCH_DIR to a directory on a disk")
