"""`im user create`: makes an account."""

from commands.accounts import chosen_password, made, registration, require_built_in
from commands.service import Misused, say
from db.session import write
from messaging import login, passwords
from messaging.errors import Refused


def run(username: str, nickname: str | None, password_stdin: bool, as_json: bool) -> None:
    """Make an account, and print its id, and its password when that is made here."""
    require_built_in()
    password = chosen_password(from_stdin=password_stdin)
    taken = registration(username=username, password=password, nickname=nickname)
    name = taken["username"]
    fields = {"password_hash": passwords.hash_password(password), "nickname": taken.get("nickname", name)}
    try:
        user = write(login.add, username=name, **fields)
    except Refused as error:
        raise Misused(f"the username is taken: {name}") from error
    new = made(password, from_stdin=password_stdin)
    lines = [f"user {user['id']} {name}", *(f"password {each}" for each in new.values())]
    say(as_json, {"id": user["id"], "username": name} | new, *lines)
