"""`im user disable`: lets a user in no more."""

from commands.accounts import require_built_in, user_of
from commands.service import say
from db.session import write
from messaging import login

_NO_PASSWORD = ""


def run(user: str, as_json: bool) -> None:
    """Take a user's password away, and end all their logins."""
    require_built_in()
    user_id = user_of(user)
    write(login.set_password, user_id=user_id, password_hash=_NO_PASSWORD)
    told = f"user {user_id} is out, everywhere within 5 seconds; `im user password {user_id}` lets them in again"
    say(as_json, {"id": user_id}, told)
