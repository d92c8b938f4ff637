"""Structured logs: one line an event, in JSON unless a person is watching, and never a message's content.

The lines of this service are written straight to stderr, at a third of what they cost by way of the standard library's
loggers. A line's field `log` says of which log it is: send, connection, performance, or error from warnings on.
"""

import logging
import os
import sys
from contextlib import suppress

import structlog

from infra.settings import settings

_STDERR = 2


class _Stderr:
    """Writes lines, each at once and whole, so that those of several processes do not mix.

    A line that stderr does not take (its disk is full, its reader gone) is lost: what is logged has happened, and must
    not fail for it.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def msg(self, line: str) -> None:
        left = line.encode(errors="replace") + b"\n"
        with suppress(OSError):
            while left:
                left = left[os.write(_STDERR, left) :]

    debug = info = warning = error = msg


def configure() -> None:
    """Send the lines of this service, and the standard library's loggers, to stderr. Safe to call again."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _add_kind,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    colours = sys.stderr.isatty() or bool(os.environ.get("FORCE_COLOR"))
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=colours)
        if colours or settings().embedded
        else structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings().log_level)
    for chatty in ("celery.app.trace", "celery.worker.strategy", "celery.beat", "websockets.server"):
        logging.getLogger(chatty).setLevel("WARNING")  # they log every task or frame, thousands a second
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(settings().log_level)),
        logger_factory=_Stderr,
        cache_logger_on_first_use=True,
    )


def _add_kind(_logger: object, level: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if level in ("warning", "error", "critical", "exception"):
        line.setdefault("log", "error")
    return line


def get(name: str) -> structlog.typing.FilteringBoundLogger:
    """Returns the logger of a module; `name` is its `__name__`."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(name)
    return logger
