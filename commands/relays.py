"""`im relays`: which relays are there, and how many sockets each has."""

from dataclasses import asdict

from commands.service import say
from infra import presence


def run(as_json: bool) -> None:
    """Print the relays that Redis knows to be there."""
    found = presence.relays()
    for each in found:
        report = f"reported {each.age:.1f} s ago"
        say(as_json, asdict(each), f"{each.relay_id}  {each.connections} sockets of {each.users} users, {report}")
    sockets = sum(each.connections for each in found)
    say(as_json, {"relays": len(found), "connections": sockets}, f"{len(found)} relays, {sockets} sockets")
    raise SystemExit(0 if found else 1)
