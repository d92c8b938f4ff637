"""`im canary`: one round of the canary."""

import click

from actions import canary
from actions.canary import Failed
from commands.service import Misused, say
from infra.settings import settings


def run(as_json: bool) -> None:
    """Fly one round, and print the seconds of each step."""
    if not settings().canary_users:
        raise Misused("there is no canary: set CANARY_WEB_URL, CANARY_REALTIME_URL and CANARY_USERS")
    try:
        seconds = canary.fly(canary.route())
    except Failed as failed:
        raise click.ClickException(str(failed)) from failed
    say(as_json, seconds, *(f"{step:<8} {took:.3f} s" for step, took in seconds.items()))
