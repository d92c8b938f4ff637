"""Asks a decoder what an upload is, and for its thumbnail."""

import hashlib
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from infra.decoders.found import ANYTHING, LONGEST_SIDE, Found, NotThisKind
from infra.media import answers
from infra.media.confined import Crashed, Unavailable, run
from infra.off_the_loop import off_the_loop
from infra.settings import settings

_THUMBNAIL_BYTES = LONGEST_SIDE * LONGEST_SIDE * 4


@dataclass(frozen=True, slots=True)
class Examined:
    """What is to be stored of an upload.

    `width` and `height` are pixels as shown, `duration` is in milliseconds; 0 is unknown. `size` and `sha256` are of
    `file`, which stands at its beginning: the source itself, or another file without a name, which the caller closes.
    """

    content_type: str
    width: int
    height: int
    duration: int
    size: int
    sha256: bytes
    file: BinaryIO


def examine(source: BinaryIO, kind: str) -> Examined:
    """Returns what is to be stored of `source`, a real file (of `tempfile.TemporaryFile`, say), whose position stays.

    `kind` is "image", "voice", "video" or "file". What tells of places and persons is removed, unless
    MEDIA_KEEP_METADATA. Raises NotThisKind, TooLong, Unavailable.
    """
    output = _file()
    keep = "keep" if settings().media_keep_metadata else "clean"
    try:
        found = answers.found(run(["examine", kind, keep], source, output))
    except (Crashed, NotThisKind) as error:
        if kind != "file":
            output.close()
            raise NotThisKind(str(error)) from error
        found = Found(ANYTHING)  # a file may be anything, also what ends a decoder
    except BaseException:
        output.close()
        raise
    file = output if found.rewritten else source
    if file is source:
        output.close()
    return _examined(found, file)


def _examined(found: Found, file: BinaryIO) -> Examined:
    digest = off_the_loop(lambda: _digest(file))
    size = file.seek(0, 2)
    file.seek(0)
    return Examined(found.content_type, found.width, found.height, found.duration, size, digest, file)


def _digest(file: BinaryIO) -> bytes:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type] # typeshed wants a `readable` of its own


def thumbnail(source: BinaryIO, content_type: str) -> bytes:
    """Returns a WebP of `source`, a real file as `examine` has let it pass; its longest side is at most 320 pixels.

    `content_type` is what `examine` found. Raises NotThisKind when there is nothing to show, Unavailable.
    """
    with _file() as output:
        try:
            answers.told(run(["thumbnail", content_type], source, output))
        except Crashed as error:
            raise NotThisKind(str(error)) from error
        output.seek(0)
        return output.read(_THUMBNAIL_BYTES)


def _file() -> BinaryIO:
    try:
        return cast(BinaryIO, TemporaryFile())
    except OSError as error:
        raise Unavailable(str(error)) from error
