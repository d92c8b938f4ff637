"""The storage of uploads: a local directory, or S3."""

from functools import cache
from pathlib import Path

from infra.settings import settings
from infra.storage.base import CHUNK, Damaged, Missing, Reading, Storage, StorageAway, Stored, new_name
from infra.storage.local import LocalStorage

__all__ = ["CHUNK", "Damaged", "Missing", "Reading", "Storage", "StorageAway", "Stored", "new_name", "storage"]


@cache
def storage() -> Storage:
    """Returns this process's storage, made at first use: after the fork of a worker, never before it."""
    place = settings().media_storage
    if place.startswith("s3://"):
        from infra.storage.s3 import S3Storage  # takes 20 MB, which a local directory does not need

        return S3Storage(place)
    return LocalStorage(Path(place))
