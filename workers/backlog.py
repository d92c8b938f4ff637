"""The task that sends connections the backlogs of their users, a page at a time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from db.errors import DatabaseUnavailable
from db.session import read
from infra import bus, channels, logs, notes
from infra.tasks import Task, app
from messaging.backlog import Page, page
from messaging.frame import frame

log = logs.get(__name__)

_TOGETHER = 10  # pages read in one transaction and published in one pipeline: a page may be large

Request = tuple[str, int, int, Sequence[Any] | None]  # connection id, serial, user id, cursor


@app.task(name=Task.SEND_PAGES)
def send_pages(relay_id: str, requests: Sequence[Request]) -> None:
    """Publish to a relay the backlog page that each request asks for, with the request's connection id and serial.

    A page that cannot be built is logged and left out. Raises DatabaseUnavailable and RedisError.
    """
    for start in range(0, len(requests), _TOGETHER):
        some = requests[start : start + _TOGETHER]
        bus.publish((channels.of_relay(relay_id), note) for note in _notes(some))


def _notes(requests: Sequence[Request]) -> list[notes.BacklogPage]:
    """Returns an answer for each request, but for those whose page cannot be built. Raises DatabaseUnavailable."""
    try:
        pages = read(_pages, requests=requests)
        return [_note(request, found) for request, found in zip(requests, pages, strict=True)]
    except DatabaseUnavailable:
        raise
    except Exception:
        if len(requests) > 1:
            return [note for request in requests for note in _notes([request])]
        log.exception("page_not_told", user_id=requests[0][2])
        return []


def _pages(session: Session, now: datetime, requests: Sequence[Request]) -> list[Page]:
    return [
        page(session, now, user_id=user_id, cursor=(cursor[0], cursor[1]) if cursor else None)
        for _, _, user_id, cursor in requests
    ]


def _note(request: Request, found: Page) -> notes.BacklogPage:
    connection_id, serial, _, _ = request
    return notes.BacklogPage(
        connection_id,
        serial,
        runs=tuple((each.conversation_id, each.after, each.upto, each.whole) for each in found.runs),
        places=tuple((message["conversation_id"], message["seq"]) for message in found.messages),
        cursor=found.cursor,
        frames=tuple(frame("new_message", message) for message in found.messages),
    )
