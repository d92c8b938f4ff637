"""`im outbox retry`: puts parked events back into the outbox."""

from collections.abc import Sequence

from commands.parked import pages, require_all, show
from commands.poking import poke
from commands.service import Misused, say
from db.session import write
from messaging import parked


def run(ids: Sequence[int], everything: bool, as_json: bool) -> None:
    """Put events back into the outbox, those named or `everything`, and have them drained."""
    if bool(ids) is everything:
        raise Misused("name events, or say --all")
    require_all(ids)
    count = 0
    for page in pages(ids):
        show(as_json, page)
        poke(write(parked.retry, ids=[event.id for event in page]))
        count += len(page)
    say(as_json, {"events": count}, f"{count} events tried again")
