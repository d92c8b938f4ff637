"""Reading uploads: POST /media/v1/url, and GET /media/v1/{media_id} with its thumbnail.

Invariants: who may read is asked at each request, also of whoever has a signed address; at most 64 KiB of an answer are
held at once; and a reader who goes away or does not read frees all that it holds.
"""

from dataclasses import dataclass
from typing import Any

from flask import Response, request
from werkzeug.routing import BaseConverter

from db.session import read
from infra import logs, signatures
from infra.limits import DOWNLOADS, limited_to
from infra.media import INLINE
from infra.metrics import media_reads
from infra.settings import settings
from infra.storage import Missing, storage
from messaging import media_schemas
from messaging.errors import Code, Refused
from messaging.media_rights import require_reachable, require_readable
from messaging.media_view import THUMBNAIL, WHOLE, media
from web import auth
from web.described_bytes import answers_bytes
from web.errors import problem
from web.json import Blueprint
from web.media_body import MediaBody
from web.openapi import refuses
from web.ranges import NoSuchRange, asked_range

log = logs.get(__name__)

bp = Blueprint("media_read", __name__)

REDIRECT_SECONDS = 60  # a storage's own address stays good after a recall: long enough to begin, and no longer
_CACHED = "private, max-age=3600"  # never by a cache that several share


class MediaId(BaseConverter):
    """One part of a path that is not the name of a call."""

    regex = "(?!upload$|url$)[^/]+"
    part_isolating = True


@bp.record_once
def _know_media_ids(state: Any) -> None:
    state.app.url_map.converters["media_id"] = MediaId


@dataclass(frozen=True, slots=True)
class _Variant:
    """Bytes to give: their name and size in the storage, and what they are."""

    name: str
    size: int
    content_type: str
    etag: str

    @property
    def inline(self) -> bool:
        return self.content_type in INLINE


@bp.post("/media/v1/url")
@refuses(Code.NO_SUCH_MEDIA)
@bp.arguments(media_schemas.MediaNamed)
@bp.response(200, media_schemas.Described, dump=False)
def renew_media_url(body: dict[str, Any]) -> dict[str, Any]:
    """Describe an upload that the caller may read, with fresh addresses."""
    return {"media": read(media, user_id=auth.user_id(), **body)}


@bp.get("/media/v1/<media_id:media_id>")
@auth.or_signed
@limited_to(DOWNLOADS, together="media")
@answers_bytes
def read_media(media_id: str) -> Response:
    """Read an upload.

    Its uploader may until a message has carried it; and so may all who see a message that carries it. With a Bearer
    token the caller is asked for, otherwise the signature of an address out of `url`.
    """
    row = _permitted(media_id, WHOLE)
    return _answer(row.id, _Variant(row.name, row.size, row.content_type, row.sha256.hex()))


@bp.get("/media/v1/<media_id:media_id>/thumbnail")
@auth.or_signed
@limited_to(DOWNLOADS, together="media")
@answers_bytes
def read_thumbnail(media_id: str) -> Response:
    """Read the thumbnail of a picture or a video: WebP, at most 320 pixels high and wide.

    It is there some time after the upload. Whoever may read the upload may read it.
    """
    row = _permitted(media_id, THUMBNAIL)
    if row.thumbnail_name is None:
        raise Refused(Code.NO_SUCH_MEDIA, "there is no thumbnail")
    with _Gone(row.id, row.thumbnail_name):
        size = storage().size(row.thumbnail_name)
    return _answer(row.id, _Variant(row.thumbnail_name, size, "image/webp", row.thumbnail_name))


def _permitted(media_id: str, variant: str) -> Any:
    """Returns the row of an upload that this request may read. Raises Refused(NO_SUCH_MEDIA)."""
    if claims := auth.claims_or_none():
        return read(require_readable, user_id=claims.user_id, media_id=media_id)
    given = {name: request.args.get(name, "") for name in ("expires", "signature")}
    expires = signatures.expiry(media_id, variant, **given)
    if expires is None:
        raise Refused(Code.NO_SUCH_MEDIA)
    return read(require_reachable, media_id=media_id, expires=expires)


def _answer(media_id: str, found: _Variant) -> Response:
    headers = {"ETag": f'"{found.etag}"', "Cache-Control": _CACHED, "Accept-Ranges": "bytes"}
    if request.if_none_match.contains_weak(found.etag):
        media_reads.labels("unchanged").inc()
        return Response(status=304, headers=headers)
    try:
        part = asked_range(found.etag, found.size)
    except NoSuchRange:
        headers = {"Content-Range": f"bytes */{found.size}"}
        return problem(Code.INVALID, "the range is beyond the end", status=416, headers=headers)
    if request.method != "HEAD" and settings().media_redirect:
        address = storage().address(found.name, REDIRECT_SECONDS, found.content_type, inline=found.inline)
        if address is not None:
            media_reads.labels("redirected").inc()
            return Response(status=302, headers={"Location": address, "Cache-Control": "no-store"})
    return _bytes(media_id, found, part, headers)


def _bytes(media_id: str, found: _Variant, part: range | None, headers: dict[str, str]) -> Response:
    asked = range(found.size) if part is None else part
    headers["Content-Length"] = str(len(asked))
    headers["Content-Disposition"] = "inline" if found.inline else "attachment"
    if part is not None:
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{found.size}"
    status, body = 200 if part is None else 206, None
    if request.method != "HEAD":  # whose answer nobody would close
        with _Gone(media_id, found.name):
            body = MediaBody(media_id, storage().read(found.name, asked.start, len(asked)))
        media_reads.labels("whole" if part is None else "part").inc()
    return Response(body, status, headers, content_type=found.content_type, direct_passthrough=True)


class _Gone:
    """Refuse with NO_SUCH_MEDIA, and log, when the storage lacks what the database names."""

    def __init__(self, media_id: str, name: str) -> None:
        self._about = {"media_id": media_id, "name": name}

    def __enter__(self) -> None:
        return

    def __exit__(self, _kind: object, error: object, _trace: object) -> None:
        if isinstance(error, Missing):
            media_reads.labels("gone").inc()
            log.error("media_bytes_gone", **self._about)
            raise Refused(Code.NO_SUCH_MEDIA) from error
