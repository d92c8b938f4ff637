"""`im user password`: gives a user a new password."""

from commands.accounts import chosen_password, made, registration, require_built_in, user_of
from commands.service import say
from db.session import write
from messaging import login, passwords


def run(user: str, password_stdin: bool, as_json: bool) -> None:
    """Give a user a new password, and end all their logins."""
    require_built_in()
    user_id = user_of(user)
    password = chosen_password(from_stdin=password_stdin)
    registration(username="any", password=password, nickname=None)
    write(login.set_password, user_id=user_id, password_hash=passwords.hash_password(password))
    new = made(password, from_stdin=password_stdin)
    lines = [f"user {user_id} has a new password", *(f"password {each}" for each in new.values())]
    say(as_json, {"id": user_id} | new, *lines)
