"""`im user revoke`: ends all logins of a user."""

from commands.service import say
from db.session import write
from messaging.tokens import revoke_user


def run(user_id: int, as_json: bool) -> None:
    """End all logins of a user."""
    write(revoke_user, user_id=user_id)
    say(as_json, {"id": user_id}, f"all logins of user {user_id} have ended, everywhere within 5 seconds")
