"""How long trips to the database take, and how many connections are in use."""

import re
import time
from typing import Any

from sqlalchemy import Engine, event

from infra import logs
from infra.metrics import database_connections, database_seconds
from infra.settings import settings

log = logs.get(__name__)

_MOST_KNOWN = 1_000  # statements are built once, so that there are some hundred
_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE)\s+`?(\w+)", re.IGNORECASE)
_known: dict[str, str] = {}


def measure(engine: Engine) -> None:
    """Measure each trip of an engine's connections, and count those in use."""
    event.listen(engine, "before_cursor_execute", _begin)
    event.listen(engine, "after_cursor_execute", _end)
    event.listen(engine, "checkout", lambda *_: database_connections.inc())
    event.listen(engine, "checkin", lambda *_: database_connections.dec())


def name(statement: str) -> str:
    """Returns what a trip is called: its verb and its first table, or "flight" for several statements."""
    if "; " in statement:
        return "flight"
    verb = statement.split(None, 1)[0].lower() if statement.strip() else "none"
    table = _TABLE.search(statement)
    return f"{verb} {table[1]}" if table else verb


def _begin(_connection: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool) -> None:
    context.im_begun = time.perf_counter()


def _end(_connection: Any, _cursor: Any, statement: str, _parameters: Any, context: Any, _many: bool) -> None:
    seconds = time.perf_counter() - context.im_begun
    called = _known.get(statement)
    if called is None:
        called = name(statement) if len(_known) < _MOST_KNOWN else "other"
        if len(_known) < _MOST_KNOWN:
            _known[statement] = called
    database_seconds.labels(called).observe(seconds)
    if seconds > settings().slow_seconds:
        log.warning("slow_statement", log="performance", statement=called, seconds=round(seconds, 3))
