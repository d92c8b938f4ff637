"""`im user token`: an access token of a user, for a look with their eyes."""

import click

from commands.accounts import user_of
from commands.service import Misused, OnDatabase, as_json, say
from infra import tokens
from infra.settings import settings


@click.command("token", cls=OnDatabase)
@click.option("--seconds", type=click.IntRange(1), default=600, show_default=True, help="How long it is good for.")
@as_json
@click.argument("user")
def command(user: str, seconds: int, as_json: bool) -> None:
    """Print an access token of USER (an id or a username), with which its holder is that user."""
    most = settings().access_token_seconds
    if seconds > most:  # an older one would outlive the entry that revokes it
        raise Misused(f"no access token is good for more than {most} seconds: see ACCESS_TOKEN_SECONDS")
    user_id = user_of(user)
    token = tokens.issue_access(user_id, seconds)
    say(as_json, {"id": user_id, "access_token": token, "expires_in": seconds}, token)
