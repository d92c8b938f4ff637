"""`im user token`: an access token of a user, for a look with their eyes."""

from commands.accounts import user_of
from commands.service import Misused, say
from infra import tokens
from infra.settings import settings


def run(user: str, seconds: int, as_json: bool) -> None:
    """Print an access token of a user."""
    most = settings().access_token_seconds
    if seconds > most:  # an older one would outlive the entry that revokes it
        raise Misused(f"no access token is good for more than {most} seconds: see ACCESS_TOKEN_SECONDS")
    user_id = user_of(user)
    token = tokens.issue_access(user_id, seconds)
    say(as_json, {"id": user_id, "access_token": token, "expires_in": seconds}, token)
