"""Runs examinations and thumbnails in processes of their own."""

from typing import BinaryIO

from infra.media.examined import Examined


def examine(source: BinaryIO, kind: str) -> Examined:
    """Returns what is to be stored of `source`, a real file (of `tempfile.TemporaryFile`, say), whose position moves.

    `kind` is "image", "voice", "video" or "file". What tells of places and persons is removed, unless
    MEDIA_KEEP_METADATA. Raises NotThisKind, TooLong, Unavailable.
    """
    raise NotImplementedError


def thumbnail(source: BinaryIO, content_type: str) -> bytes:
    """Returns a WebP of `source`, a real file as `examine` has let it pass; its longest side is at most 320 pixels.

    `content_type` is what `examine` found. Raises NotThisKind when there is nothing to show, Unavailable.
    """
    raise NotImplementedError
