"""The ids by which logs and traces show what belongs together: of a request, and of a message on its way.

A request's id is the trace id of W3C's Trace Context. Whoever calls may name it in a `traceparent`; otherwise it is
random. The traceparent of the request that sent a message goes with the message, through the outbox and the notes, to
the sockets. Each step of a message logs a line with its id and its request's, of the share LOG_SAMPLE of all messages.

With OTEL_TRACES=1 each request is a span of OpenTelemetry too, and the steps of its messages are spans below it.
"""

import os
import re
import time
from collections.abc import Sequence
from contextvars import Context, ContextVar, copy_context
from typing import TYPE_CHECKING, NamedTuple, Optional

import structlog

from infra.settings import settings

if TYPE_CHECKING:
    from opentelemetry.trace import Span

_GIVEN = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})")
_MOST_IN_A_LINE = 100
_parent: ContextVar[str | None] = ContextVar("traceparent", default=None)
_span: ContextVar[Optional["Span"]] = ContextVar("span", default=None)


class Traced(NamedTuple):
    """A message whose way is told, and the traceparent of the request that sent it, if that is known."""

    message_id: int
    parent: str | None


def enter(name: str, given: str | None = None, **ids: object) -> str:
    """Begin a request, in this thread or greenlet, and forget the one before. Returns its id.

    `name` is that of its span; a request without one has none. `given` is the traceparent that the caller names, if
    any; a malformed one counts as none. All lines that are logged until the next request hold `request_id` and the
    other `ids`.
    """
    found = _GIVEN.fullmatch(given or "")
    parent = f"00-{found[1] if found else os.urandom(16).hex()}-{os.urandom(8).hex()}-{found[2] if found else '00'}"
    _span.set(None)
    if name and settings().otel_traces:
        from infra import tracing

        if span := tracing.begin(name, given if found else None):
            _span.set(span)
            parent = tracing.traceparent(span)
    _parent.set(parent)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=_trace_id(parent), **ids)
    return _trace_id(parent)


def leave() -> None:
    """End the request's span, if it has one."""
    if span := _span.get():
        span.end()
        _span.set(None)


def handed_over() -> Context:
    """Returns what the greenlet that goes on with this request has to run in. It is that greenlet's to `leave`."""
    context = copy_context()
    _span.set(None)
    return context


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
    return Traced(message_id, parent) if _is_logged(message_id) or _has_span(parent) else None


def tell(
    log: structlog.typing.FilteringBoundLogger,
    event: str,
    some: Sequence[Traced],
    *,
    began: float | None = None,
    **about: str | int,
) -> None:
    """Log a step of these messages in one line, or in several when they are many, and record its span for each.

    `began` is when the step began, in Unix seconds; None for now.
    """
    logged = [each for each in some if _is_logged(each.message_id)]
    for start in range(0, len(logged), _MOST_IN_A_LINE):
        part = logged[start : start + _MOST_IN_A_LINE]
        requests = list(dict.fromkeys(_trace_id(each.parent) for each in part if each.parent))
        log.info(event, log="send", message_ids=[each.message_id for each in part], request_ids=requests, **about)
    for each in some:
        if each.parent and _has_span(each.parent):
            from infra import tracing

            now = time.time()
            tracing.step(event, each.parent, began or now, now, message_id=each.message_id, **about)


def _trace_id(parent: str) -> str:
    return parent[3:35]


def _is_logged(message_id: int) -> bool:
    share = settings().log_sample
    return share >= 1 or (share > 0 and message_id * 0x9E3779B1 % 2**32 < share * 2**32)


def _has_span(parent: str | None) -> bool:
    """Returns whether the request was chosen to be traced, as its flags say."""
    return bool(settings().otel_traces and parent and int(parent[-2:], 16) & 1)
