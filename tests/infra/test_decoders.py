"""Tests what is taken for which kind, what is measured of it, and what goes from it before others get it."""

import io
import random
import zipfile
from collections.abc import Iterator
from tempfile import TemporaryFile

import pytest
from PIL import Image, ImageOps

from infra.media import INLINE, Examined, NotThisKind, TooLong, examine, thumbnail
from infra.settings import settings
from tests import databases, media_files
from tests.media_files import SECRET

_HTML = b"<!DOCTYPE html><script>alert(1)</script>"
_SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
_TAGS = {"comment": SECRET.decode(), "location": "+52.5170+013.3889/"}
_PICTURES = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp"}


@pytest.fixture(autouse=True)
def _configured() -> Iterator[None]:
    with databases.configured("sqlite://"):
        yield


def _examined(content: bytes, kind: str) -> tuple[Examined, bytes]:
    """Returns what is found of an upload, and what would be stored."""
    with TemporaryFile() as source:
        source.write(content)
        found = examine(source, kind)
        stored = found.file.read()
        found.file.close()
    return found, stored


def _pixels(content: bytes) -> bytes:
    with Image.open(io.BytesIO(content)) as image:
        return ImageOps.exif_transpose(image).convert("RGBA").tobytes()


def _zip() -> bytes:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as archive:
        archive.writestr("secret", SECRET)
    return output.getvalue()


@pytest.mark.parametrize("name", _PICTURES)
def test_a_picture_is_told_by_its_bytes(name: str) -> None:
    content = media_files.picture(name)
    found, stored = _examined(content, "image")
    assert (found.content_type, found.width, found.height, found.duration) == (_PICTURES[name], 60, 40, 0)
    assert _pixels(stored) == _pixels(content)
    assert found.size == len(stored)
