"""`im canary`: one round of the canary."""

import click

from actions import canary
from actions.canary import Failed
from commands.service import Misused, OnService, as_json, say
from infra.settings import settings


@click.command("canary", cls=OnService)
@as_json
def command(as_json: bool) -> None:
    """Send a message, wait for it at a socket, and tell the seconds of each step. Ends with 1 when a step failed."""
    if not settings().canary_users:
        raise Misused("there is no canary: set CANARY_WEB_URL, CANARY_REALTIME_URL and CANARY_USERS")
    try:
        seconds = canary.fly(canary.route())
    except Failed as failed:
        raise click.ClickException(str(failed)) from failed
    say(as_json, seconds, *(f"{step:<8} {took:.3f} s" for step, took in seconds.items()))
