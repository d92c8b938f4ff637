"""What the first bytes of an upload say that it is."""

import re

from infra.decoders import mp4

HEAD_BYTES = 64
_EBML = b"\x1a\x45\xdf\xa3"
# DocType, its length as writers encode it, and what it is.
_WEBM = re.compile(rb"\x42\x82(?:[\x84-\x88]|\x40[\x04-\x08]|\x01\0{6}[\x04-\x08])webm")
_OPUS = b"OpusHead"
_BEGINNINGS = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"ID3", "audio/mpeg"),  # FFmpeg finds frames of AAC behind it as well
)


def sniff(head: bytes) -> str | None:
    """Returns the content type that the first HEAD_BYTES speak for, None for any that is not known.

    An MP4 or WebM counts as a video until its tracks have been seen.
    """
    for beginning, content_type in _BEGINNINGS:
        if head.startswith(beginning):
            return content_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head.startswith(b"OggS") and _OPUS in head:
        return "audio/ogg"
    if mp4.is_playable(head):
        return "video/mp4"
    if head.startswith(_EBML) and _WEBM.search(head):
        return "video/webm"
    return _frames_of_sound(head)


def _frames_of_sound(head: bytes) -> str | None:
    """Returns the type of sound that begins with a frame, without any container."""
    if len(head) < 2 or head[0] != 0xFF:
        return None
    if head[1] & 0xF6 == 0xF0:
        return "audio/aac"
    return "audio/mpeg" if head[1] & 0xE6 == 0xE2 else None
