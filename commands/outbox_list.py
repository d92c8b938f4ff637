"""`im outbox list`: the parked events."""

from collections.abc import Sequence

import click

from commands.parked import pages, require_all, show
from commands.service import OnDatabase, as_json, say


@click.command("list", cls=OnDatabase)
@as_json
@click.argument("ids", type=int, nargs=-1, metavar="[EVENT_ID]...")
def command(ids: Sequence[int], as_json: bool) -> None:
    """List the parked events, which could not be applied or published: those named, or all."""
    require_all(ids)
    count = 0
    for page in pages(ids):
        count += len(page)
        show(as_json, page)
    say(as_json, {"events": count}, f"{count} events parked")
