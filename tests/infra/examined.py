"""What tests ask of decoders: bytes in, bytes out."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile

import psutil
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


def decoders(process: psutil.Process) -> list[psutil.Process]:
    """Returns the decoders at work for a process, which may have started other programs too."""
    return [child for child in process.children() if _is_at_work(child, process)]


def _is_at_work(child: psutil.Process, caller: psutil.Process) -> bool:
    """Returns whether a child has made itself nicer than its caller, as decoders alone do."""
    try:
        return child.nice() > caller.nice()
    except psutil.NoSuchProcess:  # it has ended since it was listed
        return False


@contextmanager
def nothing_left() -> Iterator[None]:
    """Fail if a process that was started in the block is still there, or was not waited for."""
    before = set(psutil.Process().children())
    yield
    assert set(psutil.Process().children()) <= before
