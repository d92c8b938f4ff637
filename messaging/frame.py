"""Frames of the WebSocket contract as JSON: notes carry them, and relays pass them on."""

from typing import Any

import orjson


def frame(kind: str, content: dict[str, Any]) -> bytes:
    """Returns a frame of type `kind` as JSON."""
    return orjson.dumps({"type": kind, "content": content})
