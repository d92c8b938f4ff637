"""`im outbox drop`: gives parked events up."""

from collections.abc import Sequence

import click

from commands.parked import pages, require_all, show
from commands.service import Misused, OnDatabase, as_json, say
from db.session import write
from messaging import parked


@click.command("drop", cls=OnDatabase)
@click.option("--yes", is_flag=True, help="Do it.")
@as_json
@click.argument("ids", type=int, nargs=-1, required=True, metavar="EVENT_ID...")
def command(ids: Sequence[int], yes: bool, as_json: bool) -> None:
    """Give up parked events for good: clients are never told of them. Without --yes they are only shown."""
    require_all(ids)
    count = 0
    for page in pages(ids):
        show(as_json, page)
        if yes:
            count += write(parked.drop, ids=[event.id for event in page])
    if not yes:
        raise Misused("nothing was dropped: say --yes to drop these events for good")
    say(as_json, {"events": count}, f"{count} events dropped")
