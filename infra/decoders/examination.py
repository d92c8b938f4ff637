"""What an upload is: its type by its bytes, a clean copy, and what is measured of it."""

import shutil
from collections.abc import Callable, Iterator
from typing import BinaryIO

from infra.decoders import gif, jpeg, mp3, mp4, pictures, png, webp
from infra.decoders.found import ANYTHING, Found, NotThisKind, TooLong
from infra.decoders.sniff import HEAD_BYTES, sniff

_ALLOWED = {
    "image": {"image/jpeg", "image/png", "image/gif", "image/webp"},
    "voice": {"audio/aac", "audio/mp4", "audio/mpeg", "audio/ogg", "audio/webm"},
    "video": {"video/mp4", "video/webm"},
}
# Nobody stops a recorder to the millisecond: this is over 60 whole seconds.
_VOICE_MILLISECONDS = 61_000
_PARTS: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "image/jpeg": jpeg.parts,
    "image/png": png.parts,
    "image/gif": gif.parts,
    "image/webp": webp.parts,
}


def examine(source: BinaryIO, output: BinaryIO, kind: str, *, clean: bool) -> Found:
    """Returns what a source is, and writes a clean copy to the output where something may have to go.

    Raises NotThisKind or TooLong, and what Pillow and FFmpeg raise at damaged bytes.
    """
    content_type = sniff(source.read(HEAD_BYTES))
    if content_type is None:
        if kind == "file":
            return Found(ANYTHING)
        raise NotThisKind("no format that is known")
    rewritten = clean and _clean(source, output, content_type)
    file = output if rewritten else source
    try:
        found = _measured(file, content_type, rewritten=rewritten)
    except Exception:
        if kind != "file":
            raise
        return Found(ANYTHING, rewritten=rewritten)
    if kind != "file" and found.content_type not in _ALLOWED[kind]:
        raise NotThisKind(f"{found.content_type} as {kind}")
    if kind == "voice" and found.duration >= _VOICE_MILLISECONDS:
        raise TooLong(f"{found.duration} ms")
    return found


def _clean(source: BinaryIO, output: BinaryIO, content_type: str) -> bool:
    """Returns whether a clean copy was written. Raises NotThisKind for what is not whole."""
    source.seek(0)
    if content_type in _PARTS:
        output.writelines(_PARTS[content_type](source.read()))
    elif content_type == "video/mp4":
        shutil.copyfileobj(source, output, 1 << 20)
        mp4.clean(output)
    elif content_type in ("audio/mpeg", "audio/aac"):
        mp3.clean(source, output)
    else:
        return False
    output.flush()
    return True


def _measured(file: BinaryIO, content_type: str, *, rewritten: bool) -> Found:
    if content_type in pictures.FORMATS:
        width, height = pictures.size(file, content_type)
        return Found(content_type, width, height, rewritten=rewritten)
    from infra.decoders import streams  # takes a tenth of a second, which pictures need not wait for

    found = streams.measured(file, content_type)
    if rewritten and content_type == "video/mp4":
        mp4.blank(file, found.others)  # tracks of neither sound nor pictures: cameras write the place there
    if not found.width:
        content_type = content_type.replace("video/", "audio/")
    return Found(content_type, found.width, found.height, found.milliseconds, rewritten)
