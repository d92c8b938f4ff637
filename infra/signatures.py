"""Signatures of addresses at which whoever has one may read an upload for a while."""

import hmac
import re

from infra.settings import settings

LIFETIME = 3_600  # seconds
_EXPIRES = re.compile("[1-9][0-9]{0,11}")
_PURPOSE = b"addresses of uploads"  # a key of its own: a signature can never be taken for a token's


def sign(media_id: str, variant: str, expires: int) -> str:
    """Returns the signature for reading a variant of an upload until the Unix second `expires`."""
    key = hmac.digest(settings().jwt_secret.encode(), _PURPOSE, "sha256")
    # None of the three can hold a line's end, so that no two can be signed alike.
    return hmac.digest(key, f"{media_id}\n{variant}\n{expires}".encode(), "sha256").hex()


def expiry(media_id: str, variant: str, *, expires: str, signature: str) -> int | None:
    """Returns the Unix second until which a signature is good, None when it is not of these three values.

    Whether that second has passed is for the caller to see.
    """
    if not _EXPIRES.fullmatch(expires):
        return None
    wanted = sign(media_id, variant, int(expires))
    return int(expires) if hmac.compare_digest(wanted.encode(), signature.encode()) else None
