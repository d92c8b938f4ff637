"""How long trips to the database take, and how many connections are in use."""

import re
import time
from functools import lru_cache
from typing import Any

from sqlalchemy import Engine, event

from infra import logs
from infra.metrics import database_connections, database_seconds
from infra.settings import settings

log = logs.get(__name__)

_MOST_KNOWN = 500  # statements are built once, but those with lists have a text for each length
_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE)\s+`?(\w+)", re.IGNORECASE)
_OUT = "im_out"


def measure(engine: Engine) -> None:
    """Measure each trip of an engine's connections, and count those in use."""
    event.listen(engine, "before_cursor_execute", _begin)
    event.listen(engine, "after_cursor_execute", _end)
    event.listen(engine, "checkout", _out)
    event.listen(engine, "checkin", _back)


@lru_cache(_MOST_KNOWN)
def name(statement: str) -> str:
    """Returns what a trip is called: its verb and its first table, or "flight" for several statements."""
    if "; " in statement:
        return "flight"
    verb = statement.split(None, 1)[0].lower() if statement.strip() else "none"
    table = _TABLE.search(statement)
    return f"{verb} {table[1]}" if table else verb


def _out(_connection: Any, record: Any, _proxy: Any) -> None:
    record.record_info[_OUT] = True
    database_connections.inc()


def _back(_connection: Any, record: Any) -> None:
    if record.record_info.pop(_OUT, False):  # what could not be connected comes back without having been out
        database_connections.dec()


def _begin(_connection: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool) -> None:
    context.im_begun = time.perf_counter()


def _end(_connection: Any, _cursor: Any, statement: str, _parameters: Any, context: Any, _many: bool) -> None:
    seconds = time.perf_counter() - context.im_begun
    called = name(statement)
    database_seconds.labels(called).observe(seconds)
    if seconds > settings().slow_seconds:
        log.warning("slow_statement", log="performance", statement=called, seconds=round(seconds, 3))
