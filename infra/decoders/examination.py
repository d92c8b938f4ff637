"""What an upload is: its type by its bytes, a clean copy, and what is measured of it."""

import shutil
from collections.abc import Callable, Iterator
from typing import BinaryIO

from infra.decoders import gif, jpeg, mp3, mp4, ogg, pictures, png, webm, webp
from infra.decoders.found import ANYTHING, Found, NotThisKind, TooLong
from infra.decoders.sniff import HEAD_BYTES, sniff

_ALLOWED = {
    "image": {"image/jpeg", "image/png", "image/gif", "image/webp"},
    "voice": {"audio/aac", "audio/mp4", "audio/mpeg", "audio/ogg", "audio/webm"},
    "video": {"video/mp4", "video/webm"},
}
# Nobody stops a recorder to the millisecond: this is over 60 whole seconds.
_VOICE_MILLISECONDS = 61_000
_PIECE_BYTES = 1 << 20
_BARE_SOUND = {"audio/mpeg", "audio/aac"}
# Those whose copy is overwritten in place.
_CLEANERS: dict[str, Callable[[BinaryIO], None]] = {
    "video/mp4": mp4.clean,
    "video/webm": webm.clean,
    "audio/ogg": ogg.clean,
}
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
    if clean:
        _clean(source, output, content_type)
    try:
        found = _measured(output if clean else source, content_type, clean=clean)
    except Exception:
        if kind != "file":
            raise
        # Sound without a container has nothing that would show that it is sound at all.
        return Found(ANYTHING, rewritten=clean and content_type not in _BARE_SOUND)
    if kind != "file" and found.content_type not in _ALLOWED[kind]:
        raise NotThisKind(f"{found.content_type} as {kind}")
    if kind == "voice" and found.duration >= _VOICE_MILLISECONDS:
        raise TooLong(f"{found.duration} ms")
    return found


def _clean(source: BinaryIO, output: BinaryIO, content_type: str) -> None:
    """Write a clean copy. Raises NotThisKind for what is not whole."""
    source.seek(0)
    if content_type in _PARTS:
        output.writelines(_PARTS[content_type](source.read()))
    elif content_type in _CLEANERS:
        shutil.copyfileobj(source, output, _PIECE_BYTES)
        _CLEANERS[content_type](output)
    else:
        mp3.clean(source, output)
    output.flush()


def _measured(file: BinaryIO, content_type: str, *, clean: bool) -> Found:
    if content_type in pictures.FORMATS:
        width, height = pictures.size(file, content_type)
        return Found(content_type, width, height, rewritten=clean)
    from infra.decoders import streams  # takes a tenth of a second, which pictures need not wait for

    found = streams.measured(file, content_type)
    if clean and content_type == "video/mp4":
        mp4.blank(file, found.others)  # tracks of neither sound nor pictures: cameras write the place there
    if not found.width:
        content_type = content_type.replace("video/", "audio/")
    return Found(content_type, found.width, found.height, found.milliseconds, clean)
