"""A frame of the WebSocket contract as JSON, which notes carry and relays pass on."""

from typing import Any

import orjson


def frame(kind: str, content: dict[str, Any]) -> bytes:
    """Returns a frame's JSON."""
    return orjson.dumps({"type": kind, "content": content})
