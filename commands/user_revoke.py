"""`im user revoke`: ends all logins of a user."""

import click

from commands.service import OnDatabase, as_json, say
from db.session import write
from messaging.fields import MAX_ID
from messaging.tokens import revoke_user


@click.command("revoke", cls=OnDatabase)
@as_json
@click.argument("user_id", type=click.IntRange(1, MAX_ID))
def command(user_id: int, as_json: bool) -> None:
    """End all logins of a user: every token issued before now is revoked, whoever issued it."""
    write(revoke_user, user_id=user_id)
    say(as_json, {"id": user_id}, f"all logins of user {user_id} have ended, everywhere within 5 seconds")
