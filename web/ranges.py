"""The one range of bytes that a request asks for (RFC 9110, section 14)."""

import re

from flask import request

_RANGE = re.compile(r"bytes[ \t]*=[ \t]*([0-9]{0,15})-([0-9]{0,15})[ \t]*", re.IGNORECASE)


class NoSuchRange(Exception):
    """The range begins beyond the end."""


def asked_range(etag: str, size: int) -> range | None:
    """Returns the part that this request asks for of `size` bytes, None for all of them. Raises NoSuchRange.

    Several ranges, malformed ones, and those of an If-Range that is not `etag` are left aside, as RFC 9110 allows: the
    answer is then the whole.
    """
    found = _RANGE.fullmatch(request.headers.get("Range", ""))
    if request.method != "GET" or found is None or not _is_same(etag):
        return None
    first, last = found.groups()
    if not first:
        return _suffix(last, size)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise NoSuchRange
    return range(int(first), min(int(last) + 1, size) if last else size)


def _suffix(length: str, size: int) -> range | None:
    if not length:
        return None
    if not int(length) or not size:
        raise NoSuchRange
    return range(max(0, size - int(length)), size)


def _is_same(etag: str) -> bool:
    asked = request.headers.get("If-Range")
    return asked is None or asked.strip() == f'"{etag}"'
