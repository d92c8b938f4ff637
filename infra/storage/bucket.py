"""Which bucket of which S3 the settings name."""

from typing import NamedTuple

from infra.settings import settings
from infra.storage.presigned import Keys


class Bucket(NamedTuple):
    """A bucket, the prefix of all names in it, the address of its S3, and the keys by which it is asked."""

    name: str
    prefix: str
    endpoint: str
    keys: Keys

    @property
    def url(self) -> str:
        """The address below which the objects are."""
        return "/".join(filter(None, (self.endpoint, self.name, self.prefix)))


def bucket_of(place: str) -> Bucket:
    """Returns what a MEDIA_STORAGE like s3://bucket/prefix names."""
    name, _, prefix = place.removeprefix("s3://").partition("/")
    chosen = settings()
    keys = Keys(chosen.s3_access_key_id, chosen.s3_secret_access_key, chosen.s3_region)
    endpoint = chosen.s3_endpoint.rstrip("/") or f"https://s3.{chosen.s3_region}.amazonaws.com"
    return Bucket(name, prefix.strip("/"), endpoint, keys)
