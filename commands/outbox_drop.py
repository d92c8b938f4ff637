"""`im outbox drop`: gives parked events up."""

from collections.abc import Sequence

from commands.parked import pages, require_all, show
from commands.service import Misused, say
from db.session import write
from messaging import parked


def run(ids: Sequence[int], yes: bool, as_json: bool) -> None:
    """Print the events, and delete them if `yes`."""
    require_all(ids)
    count = 0
    for page in pages(ids):
        show(as_json, page)
        if yes:
            count += write(parked.drop, ids=[event.id for event in page])
    if not yes:
        raise Misused("nothing was dropped: say --yes to drop these events for good")
    say(as_json, {"events": count}, f"{count} events dropped")
