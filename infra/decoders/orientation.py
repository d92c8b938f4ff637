"""Which way up a picture is shown: the one field of its EXIF that stays."""

from PIL import Image
from PIL.ExifTags import Base

_UPRIGHT = 1


def minimal(exif: bytes) -> bytes:
    """Returns an EXIF block with the orientation of another and nothing else, empty when that is the usual one."""
    read = Image.Exif()
    try:
        read.load(exif)
        orientation = read.get(Base.Orientation, _UPRIGHT)
    except Exception:  # noqa: BLE001 - damaged EXIF is as good as none, and Pillow raises what it likes
        return b""
    if orientation not in range(2, 9):
        return b""
    kept = Image.Exif()
    kept[Base.Orientation] = orientation
    return kept.tobytes()


def is_turned(image: Image.Image) -> bool:
    """Returns whether width and height change places when the picture is shown."""
    return image.getexif().get(Base.Orientation, _UPRIGHT) in range(5, 9)
