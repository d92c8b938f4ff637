"""POST /media/v1/upload: a multipart body that is read in pieces, into a file without a name.

Invariants: at most 64 KiB of a body are asked for at once, and none after the limit of its kind; nothing is left of an
upload that does not end, however it ends, because a file without a name goes with the process.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import request
from werkzeug.exceptions import ClientDisconnected, HTTPException

from actions import media
from db.errors import DatabaseUnavailable
from db.session import read
from infra.limits import UPLOADS, limited_to
from infra.metrics import upload_bytes, uploads
from infra.storage import StorageAway
from messaging import media_schemas, media_view
from messaging.errors import Code, Refused
from messaging.media import KINDS
from web import auth, caller
from web.json import Blueprint, own_body
from web.multipart import boundary, pieces
from web.openapi import refuses
from web.places import Places
from web.upload_body import AROUND, PACE, UploadBody
from web.upload_form import MOST, UploadForm, spool

bp = Blueprint("media", __name__)

_places = Places(16, most_of_one=4, retry_after=2)

_KIND = {
    "type": "string",
    "enum": list(KINDS),
    "description": "image: JPEG, PNG, GIF, WebP, 10 MiB. voice: AAC or M4A, MP3, Ogg/Opus, WebM, 2 MiB and 60 s. "
    "video: MP4, WebM, 100 MiB. file: anything, 100 MiB.",
}
_FILE = {
    "type": "string",
    "contentMediaType": "application/octet-stream",
    "minLength": 1,
    "maxLength": MOST,
    "description": "The bytes. Their name and content type play no part.",
}
_FORM = {
    "type": "object",
    "properties": {"file": _FILE, "kind": _KIND},
    "required": ["file", "kind"],
    "additionalProperties": False,
}


@bp.post("/media/v1/upload")
@refuses(Code.MEDIA_TOO_LARGE, Code.MEDIA_KIND)
@limited_to(UPLOADS)
@own_body
@bp.doc(requestBody={"content": {"multipart/form-data": {"schema": _FORM}}})
@bp.response(200, media_schemas.Described, dump=False)
def upload_media() -> dict[str, Any]:
    """Upload a picture, voice, video or file, which messages of that type can then carry.

    What a picture or a video tells of place and time is removed. An upload that no message carries is kept for a day
    (the default of MEDIA_UNUSED_SECONDS).
    """
    user_id, separator, length = auth.user_id(), boundary(request), request.content_length or 0
    request.environ["im.pace"] = PACE.wait  # gunicorn.conf.py reads what comes after a refusal, at the same pace
    form = UploadForm()
    with _counted(form), _places.place(user_id), spool() as file:
        if length > MOST + AROUND:
            raise Refused(Code.MEDIA_TOO_LARGE, f"more than {MOST} bytes")
        media.require_room(user_id=user_id, size=max(0, length - AROUND))
        kind = form.receive(pieces(UploadBody(request.environ["wsgi.input"]).read, separator), file)
        media_id = media.upload(user_id=user_id, kind=kind, source=file, gone=caller.gone())
    return {"media": read(media_view.media, user_id=user_id, media_id=media_id)}


@contextmanager
def _counted(form: UploadForm) -> Iterator[None]:
    """Count how an upload ends."""
    outcome = "failed"
    try:
        yield
        outcome = "stored"
        upload_bytes.inc(form.size)
    except (ClientDisconnected, media.Gone) as error:
        outcome = "gone"
        raise ClientDisconnected from error
    except (DatabaseUnavailable, StorageAway):
        outcome = "unavailable"
        raise
    except Refused as error:
        outcome = "unavailable" if error.code is Code.UNAVAILABLE else "refused"
        raise
    except HTTPException:
        outcome = "refused"
        raise
    finally:
        uploads.labels(form.kind.name.lower() if form.kind else "unknown", outcome).inc()
