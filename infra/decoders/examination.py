"""What an upload is: its type by its bytes, a clean copy, and what is measured of it."""

import shutil
from collections.abc import Callable, Iterator
from typing import BinaryIO

from infra.decoders import gif, jpeg, mp3, mp4, ogg, pictures, png, webm, webp
from infra.decoders.found import ANYTHING, CutOff, Found, NotThisKind, TooLong
from infra.decoders.sniff import HEAD_BYTES, sniff

_ALLOWED = {
    "image": {"image/jpeg", "image/png", "image/gif", "image/webp"},
    "voice": {"audio/aac", "audio/mp4", "audio/mpeg", "audio/ogg", "audio/webm"},
    "video": {"video/mp4", "video/webm"},
}
# Nobody stops a recorder to the millisecond: this is over 60 whole seconds.
_VOICE_MILLISECONDS = 61_000
_PIECE_BYTES = 1 << 20
_FILM = "video/mp4"
_BARE_SOUND = {"audio/mpeg", "audio/aac"}
# Those whose copy is overwritten in place.
_CLEANERS: dict[str, Callable[[BinaryIO], None]] = {
    _FILM: mp4.clean,
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
    head = source.read(HEAD_BYTES)
    content_type = sniff(head)
    if kind == "file":
        return _file(source, output, content_type, film=mp4.is_film(head), clean=clean)
    if content_type is None:
        raise NotThisKind("no format that is known")
    if clean:
        _clean(source, output, content_type)
    found = _measured(output if clean else source, content_type, clean=clean)
    if found.content_type not in _ALLOWED[kind]:
        raise NotThisKind(f"{found.content_type} as {kind}")
    if kind == "voice" and found.duration >= _VOICE_MILLISECONDS:
        raise TooLong(f"{found.duration} ms")
    return found


def _file(source: BinaryIO, output: BinaryIO, content_type: str | None, *, film: bool, clean: bool) -> Found:
    """Returns what a file is. It may be damaged, or none that is shown: what can be cleaned of it is."""
    cleaned_as = content_type or (_FILM if film else None)
    if clean and cleaned_as:
        try:
            _clean(source, output, cleaned_as)
        except NotThisKind as error:
            if isinstance(error, CutOff):
                source.seek(error.at)
                shutil.copyfileobj(source, output, _PIECE_BYTES)
            elif cleaned_as in _PARTS:
                return Found(ANYTHING)
            content_type = None
    try:
        if content_type:
            return _measured(output if clean else source, content_type, clean=clean)
    except Exception:  # noqa: BLE001 - a library may raise anything at damaged bytes
        # Sound without a container has nothing that would show that it is sound at all.
        if content_type in _BARE_SOUND:
            return Found(ANYTHING)
    if clean and cleaned_as == _FILM:
        from infra.decoders import streams

        mp4.blank(output, streams.others(output, _FILM))
    return Found(ANYTHING, rewritten=clean and cleaned_as is not None)


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
    if clean and content_type == _FILM:
        mp4.blank(file, found.others)  # tracks of neither sound nor pictures: cameras write the place there
    if not found.width:
        content_type = content_type.replace("video/", "audio/")
    return Found(content_type, found.width, found.height, found.milliseconds, clean)
