"""What tests ask of decoders: bytes in, bytes out."""

import io
from tempfile import TemporaryFile

from PIL import Image

from infra.media import Examined, examine, thumbnail


def examined(content: bytes, kind: str) -> tuple[Examined, bytes]:
    """Returns what is found of an upload, and what would be stored."""
    with TemporaryFile() as source:
        source.write(content)
        found = examine(source, kind)
        stored = found.file.read()
        found.file.close()
    return found, stored


def shrunk(content: bytes, content_type: str) -> Image.Image:
    """Returns the thumbnail of a picture or video."""
    with TemporaryFile() as source:
        source.write(content)
        return Image.open(io.BytesIO(thumbnail(source, content_type)))
