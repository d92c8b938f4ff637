"""Pictures by Pillow: decoded in whole, so that a damaged one is refused, but never more than 50 megapixels."""

from typing import BinaryIO

from PIL import Image
from PIL import WebPImagePlugin as _  # noqa: F401 - else Pillow imports all of its formats to find this one

from infra.decoders.found import NotThisKind
from infra.decoders.orientation import is_turned

FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF", "image/webp": "WEBP"}
MAX_PIXELS = 50_000_000
MAX_FRAMES = 1_000
# Over all frames. Decoding that many takes two to five seconds.
MAX_FRAMES_PIXELS = 250_000_000
_EIGHTH = 8  # the scale at which JPEGs are decoded to see whether they are whole
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # Pillow refuses twice this, before it takes memory for it


def opened(file: BinaryIO, content_type: str) -> Image.Image:
    """Returns a picture whose header has been read. Raises NotThisKind for too many pixels, and what Pillow raises."""
    file.seek(0)
    try:
        return Image.open(file, formats=[FORMATS[content_type]])
    except Image.DecompressionBombError as error:
        raise NotThisKind(f"over {MAX_PIXELS} pixels") from error


def size(file: BinaryIO, content_type: str) -> tuple[int, int]:
    """Returns width and height as shown. Raises NotThisKind, or what Pillow raises, for no whole picture."""
    with opened(file, content_type) as image:
        frames = 1 if content_type == "image/jpeg" else getattr(image, "n_frames", 1)
        if frames > MAX_FRAMES or (frames > 1 and frames * image.width * image.height > MAX_FRAMES_PIXELS):
            raise NotThisKind(f"{frames} frames are too many")
        shown = (image.height, image.width) if is_turned(image) else (image.width, image.height)
        image.draft(None, (image.width // _EIGHTH, image.height // _EIGHTH))
        for frame in range(frames):
            image.seek(frame)
            image.load()
    return shown
