"""`im outbox retry`: puts parked events back into the outbox."""

from collections.abc import Sequence

import click

from commands.parked import pages, require_all, show
from commands.poking import poke
from commands.service import Misused, OnDatabase, as_json, say
from db.session import write
from messaging import parked


@click.command("retry", cls=OnDatabase)
@click.option("--all", "everything", is_flag=True, help="All of them.")
@as_json
@click.argument("ids", type=int, nargs=-1, metavar="[EVENT_ID]...")
def command(ids: Sequence[int], everything: bool, as_json: bool) -> None:
    """Have parked events told again: those named, or with --all all of them."""
    if bool(ids) is everything:
        raise Misused("name events, or say --all")
    require_all(ids)
    count = 0
    for page in pages(ids):
        show(as_json, page)
        poke(write(parked.retry, ids=[event.id for event in page]))
        count += len(page)
    say(as_json, {"events": count}, f"{count} events tried again")
