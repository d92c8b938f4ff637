"""Sending connections what their users have not been delivered yet, a page at a time."""

from collections.abc import Sequence
from typing import Any

from db.session import run
from infra import bus
from messaging.backlog import Cursor, page
from workers.app import app

Request = tuple[str, int, int, Sequence[Any] | None]  # connection id, serial, user id, cursor


@app.task(name="backlog.send_pages")
def send_pages(relay_id: str, requests: Sequence[Request]) -> None:
    """Publish to connections of that relay the page each has asked for. `serial` names the request in the answer."""
    for connection_id, serial, user_id, cursor in requests:
        _send_page(relay_id, connection_id, serial, user_id, (cursor[0], cursor[1]) if cursor else None)


def _send_page(relay_id: str, connection_id: str, serial: int, user_id: int, cursor: Cursor | None) -> None:
    found = run(lambda session, now: page(session, now, user_id=user_id, cursor=cursor), write=False)
    header = {
        "kind": "backlog",
        "connection_id": connection_id,
        "serial": serial,
        "runs": [[run.conversation_id, run.after, run.upto, run.whole] for run in found.runs],
        "places": [[message["conversation_id"], message["seq"]] for message in found.messages],
        "cursor": found.cursor,
    }
    frames = tuple(bus.frame("new_message", message) for message in found.messages)
    bus.publish([(bus.relay_channel(relay_id), bus.Note(header, frames))])
