"""Whether the storage of uploads can be used, by a question that a process may ask before it forks.

The threads of obstore do not survive a fork, so S3 is asked by plain HTTP, for a name that nothing has.
"""

from datetime import UTC, datetime
from http.client import HTTPException

from infra.settings import settings
from infra.storage import Missing, StorageAway, storage
from infra.storage.bucket import bucket_of
from infra.storage.presigned import presigned

_NOBODYS = "0" * 32
_SECONDS = 2.5  # less than those for which readiness waits, so that the reason is told
_READ = 4_096  # bytes of an answer


def storage_answers() -> str:
    """Returns what is wrong with the storage of uploads, and what to do; nothing when it answers."""
    place = settings().media_storage
    try:
        if place.startswith("s3://"):
            _ask(place)
        else:
            storage().size(_NOBODYS)
    except Missing:
        return ""
    except StorageAway as error:
        return f"does not answer ({error}); see that it runs, and that MEDIA_STORAGE and S3_… are right"
    return ""


def _ask(place: str) -> None:
    """Raises Missing when S3 says that it has no such name, as it says to whoever may list, and else StorageAway."""
    from urllib.error import HTTPError, URLError  # these take memory, which a directory does not need
    from urllib.request import urlopen

    bucket = bucket_of(place)
    address = presigned(f"{bucket.url}/{_NOBODYS}", bucket.keys, now=datetime.now(UTC), seconds=60, answer={})
    try:
        with urlopen(address, timeout=_SECONDS):  # noqa: S310 - a setting, which has to be http
            return
    except HTTPError as error:
        with error:
            said = error.read(_READ)
        if b"NoSuchBucket" in said:
            raise StorageAway("no such bucket") from None
        if error.code == 404:
            raise Missing from None
        raise StorageAway(f"{error.code} {error.reason}"[:100]) from None
    except (OSError, HTTPException) as error:  # by its name alone: its text may hold the address, which is signed
        cause = error.reason if isinstance(error, URLError) and isinstance(error.reason, OSError) else error
        raise StorageAway(type(cause).__name__) from None
