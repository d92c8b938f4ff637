"""What went wrong, in one line, and the exit status that says what kind it is."""

import click
from environs import EnvError

from actions.directory import DirectoryUnavailable
from db.errors import DatabaseUnavailable
from db.schema_version import NotMigrated
from infra.redis import RedisError
from infra.storage import StorageAway
from messaging.errors import Refused

_FAILED, _MISUSED, _UNAVAILABLE = 1, 2, 3
_PARTS = {
    DirectoryUnavailable: "the directory of FRIEND_RPC and USERCENTER_RPC",
    DatabaseUnavailable: "the database of DATABASE_URL",
    StorageAway: "the storage of MEDIA_STORAGE",
    RedisError: "the Redis of REDIS_URL",
}


def told(error: Exception) -> int:
    """Print what an error means. Returns the exit status. Raises the error itself when nobody foresaw it."""
    if isinstance(error, Refused | EnvError):
        return _say(_MISUSED, str(error))
    if isinstance(error, NotMigrated):
        return _say(_UNAVAILABLE, str(error))
    for kind, whose in _PARTS.items():
        if isinstance(error, kind):
            return _say(_UNAVAILABLE, f"{whose} does not answer: {error}")
    if isinstance(error, OSError):
        return _say(_FAILED, str(error))
    raise error


def _say(status: int, line: str) -> int:
    click.echo(f"Error: {' '.join(line.split())}", err=True)
    return status
