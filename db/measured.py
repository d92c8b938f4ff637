"""How long trips to the database take, and how many connections are in use."""

import re
import time
from typing import Any

from sqlalchemy import Engine, event

from infra.metrics import database_connections, database_seconds

_MOST_KNOWN = 1_000  # statements are built once, so that there are some hundred
_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE)\s+`?(\w+)", re.IGNORECASE)
_known: dict[str, Any] = {}


def measure(engine: Engine) -> None:
    """Measure each trip of an engine's connections, and count those in use."""
    event.listen(engine, "before_cursor_execute", _begin)
    event.listen(engine, "after_cursor_execute", _end)
    event.listen(engine, "checkout", lambda *_: database_connections.inc())
    event.listen(engine, "checkin", lambda *_: database_connections.dec())


def name(statement: str) -> str:
    """Returns what a trip is called: its verb and its first table, or "flight" for several statements."""
    if "; " in statement and statement.count("; ") >= 1 and not statement.startswith("SET "):
        return "flight"
    verb = statement.split(None, 1)[0].lower() if statement.strip() else "none"
    table = _TABLE.search(statement)
    return f"{verb} {table[1]}" if table else verb


def _begin(_connection: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool) -> None:
    context.im_begun = time.perf_counter()


def _end(_connection: Any, _cursor: Any, statement: str, _parameters: Any, context: Any, _many: bool) -> None:
    seconds = time.perf_counter() - context.im_begun
    known = _known.get(statement)
    if known is None:
        known = database_seconds.labels(name(statement) if len(_known) < _MOST_KNOWN else "other")
        if len(_known) < _MOST_KNOWN:
            _known[statement] = known
    known.observe(seconds)
