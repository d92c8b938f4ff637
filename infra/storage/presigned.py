"""Addresses of S3 objects, signed so that anybody may read them for a while: AWS Signature Version 4 in the query.

obstore signs too, but not what the answer's Content-Type and Content-Disposition shall be.
"""

import hmac
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import quote, urlsplit


class Keys(NamedTuple):
    """Who signs, and for which region."""

    access_key_id: str
    secret_access_key: str
    region: str


def presigned(url: str, keys: Keys, *, now: datetime, seconds: int, answer: dict[str, str]) -> str:
    """Returns the URL with a signature that is good for so many seconds from `now`, which is UTC.

    `answer` are parameters that S3 follows in its answer, like response-content-type.
    """
    parts = urlsplit(url)
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/{keys.region}/s3/aws4_request"
    query = {
        **{"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": f"{keys.access_key_id}/{scope}"},
        **{"X-Amz-Date": moment, "X-Amz-Expires": str(seconds), "X-Amz-SignedHeaders": "host"},
        **answer,
    }
    encoded = "&".join(f"{quote(name, safe='')}={quote(query[name], safe='')}" for name in sorted(query))
    request = f"GET\n{parts.path}\n{encoded}\nhost:{parts.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{sha256(request.encode()).hexdigest()}"
    key = f"AWS4{keys.secret_access_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return f"{url}?{encoded}&X-Amz-Signature={hmac.digest(key, text.encode(), 'sha256').hex()}"
