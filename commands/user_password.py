"""`im user password`: gives a user a new password."""

import click

from commands.accounts import chosen_password, made, password_stdin, registration, require_built_in, user_of
from commands.service import OnDatabase, as_json, say
from db.session import write
from messaging import login, passwords


@click.command("password", cls=OnDatabase)
@password_stdin
@as_json
@click.argument("user")
def command(user: str, password_stdin: bool, as_json: bool) -> None:
    """Give USER (an id or a username) a new password, end all their logins, and let in again who was disabled."""
    require_built_in()
    user_id = user_of(user)
    password = chosen_password(from_stdin=password_stdin)
    registration(username="any", password=password, nickname=None)
    write(login.set_password, user_id=user_id, password_hash=passwords.hash_password(password))
    new = made(password, from_stdin=password_stdin)
    lines = [f"user {user_id} has a new password", *(f"password {each}" for each in new.values())]
    say(as_json, {"id": user_id} | new, *lines)
