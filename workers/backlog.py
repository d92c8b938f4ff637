"""The task that sends connections the backlogs of their users, a page at a time."""

from collections import deque
from collections.abc import Sequence
from typing import Any

from db.errors import DatabaseUnavailable
from db.session import read
from infra import bus, channels, logs, notes, trace
from infra.metrics import backlog_pages
from infra.tasks import Task, app
from messaging.backlog import Asked, Page, pages
from messaging.frame import frame

log = logs.get(__name__)

_TOGETHER = 50  # pages read in one transaction, unless they are too large for it

Request = tuple[str, int, int, Sequence[Any] | None]  # connection id, serial, user id, cursor


@app.task(name=Task.SEND_PAGES)
def send_pages(relay_id: str, requests: Sequence[Request]) -> None:
    """Publish to a relay the backlog page that each request asks for, with the request's connection id and serial.

    A page that cannot be built is logged and left out. Raises DatabaseUnavailable and RedisError.
    """
    queue = deque(requests[start : start + _TOGETHER] for start in range(0, len(requests), _TOGETHER))
    while queue:
        some = queue.popleft()
        try:
            answers, again = _answers(some)
        except DatabaseUnavailable:
            raise
        except Exception:
            if len(some) == 1:
                log.exception("page_not_told", user_id=some[0][2])
            else:  # one of them is at fault, and keeps only its own half from an answer
                queue.extendleft((some[: len(some) // 2], some[len(some) // 2 :]))
            continue
        bus.publish((channels.of_relay(relay_id), note) for note in answers)
        backlog_pages.inc(len(answers))
        if again:
            queue.append(again)


def _answers(requests: Sequence[Request]) -> tuple[list[notes.BacklogPage], list[Request]]:
    """Returns the notes for as many requests as one transaction can answer, and the other requests.

    Raises DatabaseUnavailable.
    """
    found = list(zip(requests, read(pages, asked=[_asked(request) for request in requests]), strict=True))
    again = [request for request, page in found if page is None]
    return [_note(request, page) for request, page in found if page], again


def _asked(request: Request) -> Asked:
    _, _, user_id, cursor = request
    return user_id, (cursor[0], cursor[1]) if cursor else None


def _note(request: Request, found: Page) -> notes.BacklogPage:
    connection_id, serial, _, _ = request
    ids = tuple(message["id"] if trace.traced(message["id"], None) else 0 for message in found.messages)
    return notes.BacklogPage(
        connection_id,
        serial,
        runs=tuple((each.conversation_id, each.after, each.upto, each.whole) for each in found.runs),
        places=tuple((message["conversation_id"], message["seq"]) for message in found.messages),
        cursor=found.cursor,
        frames=tuple(frame("new_message", message) for message in found.messages),
        tops=tuple(found.tops),
        ids=ids if any(ids) else (),
    )
