"""`im user disable`: lets a user in no more."""

import click

from commands.accounts import require_built_in, user_of
from commands.service import OnDatabase, as_json, say
from db.session import write
from messaging import login

_NO_PASSWORD = ""


@click.command("disable", cls=OnDatabase)
@as_json
@click.argument("user")
def command(user: str, as_json: bool) -> None:
    """Take the password of USER (an id or a username) away, and end all their logins. All that is theirs stays."""
    require_built_in()
    user_id = user_of(user)
    write(login.set_password, user_id=user_id, password_hash=_NO_PASSWORD)
    told = f"user {user_id} is out, everywhere within 5 seconds; `im user password {user_id}` lets them in again"
    say(as_json, {"id": user_id}, told)
