"""The ids by which logs and traces show what belongs together: of a request, and of a message on its way.

A request's id is the trace id of W3C's Trace Context. Whoever calls may name it in a `traceparent`; otherwise it is
random. The traceparent of the request that sent a message goes with the message, through the outbox and the notes, to
the sockets. Each step of a message logs a line with its id and its request's, of the share LOG_SAMPLE of all messages.
"""

import os
import re
from collections.abc import Sequence
from contextvars import ContextVar
from typing import NamedTuple

import structlog

from infra.settings import settings

LENGTH = 55  # characters of a traceparent
_GIVEN = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})")
_MOST_IN_A_LINE = 100
_parent: ContextVar[str | None] = ContextVar("traceparent", default=None)


class Traced(NamedTuple):
    """A message whose way is told, and the traceparent of the request that sent it, if that is known."""

    message_id: int
    parent: str | None


def enter(given: str | None = None, **ids: object) -> str:
    """Begin a request, in this thread or greenlet, and forget the one before. Returns its id.

    `given` is the traceparent that the caller names, if any; a malformed one counts as none. All lines that are logged
    until the next request hold `request_id` and the other `ids`.
    """
    found = _GIVEN.fullmatch(given or "")
    request_id = found[1] if found else os.urandom(16).hex()
    _parent.set(f"00-{request_id}-{os.urandom(8).hex()}-{found[2] if found else '00'}")
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id, **ids)
    return request_id


def work(**ids: object) -> None:
    """Begin a piece of work that no request asks for. All lines that are logged until the next hold these ids."""
    _parent.set(None)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(**ids)


def also(**ids: object) -> None:
    """Have the lines that are logged until the next request, or piece of work, hold these ids as well."""
    structlog.contextvars.bind_contextvars(**ids)


def current() -> str | None:
    """Returns the traceparent of this thread's or greenlet's request, None without one."""
    return _parent.get()


def traced(message_id: int, parent: str | None) -> Traced | None:
    """Returns the message if its way is to be told, else None. All processes choose the same messages."""
    share = settings().log_sample
    if share <= 0 or (share < 1 and message_id * 0x9E3779B1 % 2**32 >= share * 2**32):
        return None
    return Traced(message_id, parent)


def tell(log: structlog.typing.FilteringBoundLogger, event: str, some: Sequence[Traced], **about: object) -> None:
    """Log a step of these messages in one line, or in several when they are many."""
    for start in range(0, len(some), _MOST_IN_A_LINE):
        part = some[start : start + _MOST_IN_A_LINE]
        requests = list(dict.fromkeys(each.parent[3:35] for each in part if each.parent))
        log.info(event, log="send", message_ids=[each.message_id for each in part], request_ids=requests, **about)
