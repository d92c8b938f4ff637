"""What decoders answer is read like what clients send: a decoder may have been taken over by what it read."""

import json
from typing import Any

from infra.decoders.found import ANYTHING, INLINE, Found, NotThisKind, TooLong

_NONSENSE = "the decoder answered with nonsense"


def found(answer: bytes) -> Found:
    """Returns what a decoder found. Raises what it refused with, and NotThisKind for nonsense."""
    fields = told(answer)
    numbers = [fields.get(name, -1) for name in ("width", "height", "duration")]
    sane = all(type(each) is int and 0 <= each < 2**31 for each in numbers)
    if fields.get("content_type") not in (*INLINE, ANYTHING) or not sane:
        raise NotThisKind(_NONSENSE)
    width, height, duration = numbers
    return Found(fields["content_type"], width, height, duration, fields.get("rewritten") is True)


def told(answer: bytes) -> dict[str, Any]:
    """Returns the fields of an answer. Raises NotThisKind or TooLong for a refusal, and NotThisKind for nonsense."""
    try:
        fields = json.loads(answer)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise NotThisKind(_NONSENSE)
    if fields.get("refused") == "TooLong":
        raise TooLong(fields.get("why"))
    if "refused" in fields:
        raise NotThisKind(fields.get("why"))
    return fields
