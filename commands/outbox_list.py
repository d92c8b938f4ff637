"""`im outbox list`: the parked events."""

from collections.abc import Sequence

from commands.parked import pages, require_all, show
from commands.service import say


def run(ids: Sequence[int], as_json: bool) -> None:
    """Print the events: those named, or all."""
    require_all(ids)
    count = 0
    for page in pages(ids):
        count += len(page)
        show(as_json, page)
    say(as_json, {"events": count}, f"{count} events parked")
