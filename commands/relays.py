"""`im relays`: which relays are there, and how many sockets each has."""

from dataclasses import asdict

import click

from commands.service import OnService, as_json, say
from infra import presence


@click.command("relays", cls=OnService)
@as_json
def command(as_json: bool) -> None:
    """List the relays that are there, by Redis. Ends with 1 when there is none."""
    found = presence.relays()
    for each in found:
        report = f"reported {each.age:.1f} s ago"
        say(as_json, asdict(each), f"{each.relay_id}  {each.connections} sockets of {each.users} users, {report}")
    sockets = sum(each.connections for each in found)
    say(as_json, {"relays": len(found), "connections": sockets}, f"{len(found)} relays, {sockets} sockets")
    raise SystemExit(0 if found else 1)
