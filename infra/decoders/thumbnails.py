"""Small pictures of pictures and videos."""

from typing import BinaryIO

from PIL import Image, ImageOps

from infra.decoders import pictures
from infra.decoders.found import LONGEST_SIDE, NotThisKind

_QUALITY = 75
_BOX = (LONGEST_SIDE, LONGEST_SIDE)
_PROFILE_BYTES = 4_096  # that of a screen with more colours has 500; those of printers have megabytes


def thumbnail(source: BinaryIO, output: BinaryIO, content_type: str) -> None:
    """Write a WebP of the first frame, as it is shown. Raises NotThisKind, and what Pillow and FFmpeg raise."""
    if content_type in pictures.FORMATS:
        small, profile = _of_picture(source, content_type)
    elif content_type.startswith("video/"):
        small, profile = _of_video(source, content_type), b""
    else:
        raise NotThisKind(f"no picture of {content_type}")
    small.save(output, "WEBP", quality=_QUALITY, icc_profile=profile)


def _of_picture(source: BinaryIO, content_type: str) -> tuple[Image.Image, bytes]:
    with pictures.opened(source, content_type) as image:
        profile = image.info.get("icc_profile") or b""
        image.draft("RGB", _BOX)
        if image.mode not in ("RGB", "RGBA"):
            image, profile = image.convert("RGBA" if image.has_transparency_data else "RGB"), b""
        image.thumbnail(_BOX)
        return ImageOps.exif_transpose(image), profile if len(profile) <= _PROFILE_BYTES else b""


def _of_video(source: BinaryIO, content_type: str) -> Image.Image:
    from infra.decoders import streams  # takes a tenth of a second, which pictures need not wait for

    with streams.opened(source, content_type) as container:
        frame = streams.first_frame(container, streams.video_track(container))
        image: Image.Image = frame.to_image()
        image.thumbnail(_BOX)
        return image.rotate(frame.rotation, expand=True)
