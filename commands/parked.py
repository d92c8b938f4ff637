"""What the commands `im outbox …` share: the parked events, a page at a time, and how they are shown."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from commands.service import Misused, say
from db.outbox_parked import Parked
from db.session import read
from messaging import parked
from messaging.message import unix

_PAGE = 500


def pages(ids: Collection[int]) -> Iterator[Sequence[Parked]]:
    """Yields the parked events with these ids, or all where there are none, oldest first, a page at a time."""
    after = 0
    while page := read(parked.parked, after=after, limit=_PAGE):
        after = page[-1].id
        if named := [event for event in page if not ids or event.id in ids]:
            yield named


def require_all(ids: Collection[int]) -> None:
    """Raises Misused unless events with all these ids are parked."""
    if missing := sorted(set(ids) - {event.id for page in pages(ids) for event in page if ids}):
        raise Misused(f"not parked: {', '.join(map(str, missing))}")


def show(as_json: bool, events: Sequence[Parked]) -> None:
    """Print events."""
    for event in events:
        line = f"{event.id}  {event.conversation_id}  kind {event.kind}  {event.reason}"
        say(as_json, _facts(event), line)


def _facts(event: Parked) -> dict[str, Any]:
    names = ("id", "conversation_id", "kind", "message_id", "user_id", "change_seq", "detail", "reason")
    times = {"create_time": unix(event.create_time), "park_time": unix(event.park_time)}
    return {name: getattr(event, name) for name in names} | times
