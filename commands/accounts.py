"""What the commands about users share: whom they name, and where a password comes from."""

import secrets
import sys
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError

from actions import directory
from commands.service import Misused
from db.session import read
from messaging import users
from messaging.errors import Refused
from messaging.fields import MAX_ID
from messaging.user_schemas import Registration

_MADE_BYTES = 18
_MOST_READ = 1_024


def require_built_in() -> None:
    """Raises Misused where an outside directory keeps the users."""
    if directory.is_outside():
        raise Misused("the service at USERCENTER_RPC keeps the users of this deployment")


def user_of(word: str) -> int:
    """Returns the id of the user whom a word names: digits are an id. Raises Misused for nobody and a closed account.

    An outside directory is not asked: there is no user without whom nobody is harmed.
    """
    if not word.isascii() or not word.isdecimal():
        require_built_in()
        name = word.lower()
        found = read(users.ids, usernames=[name]).get(name)
    elif not 1 <= int(word[:20]) <= MAX_ID:
        found = None
    else:
        found = int(word) if directory.is_outside() or _is_open(int(word)) else None
    if found is None:
        raise Misused(f"no such user: {word}")
    return found


def _is_open(user_id: int) -> bool:
    try:
        return bool(read(users.profile, user_id=user_id))
    except Refused:
        return False


def registration(*, username: str, password: str, nickname: str | None) -> Mapping[str, Any]:
    """Returns these as the REST door would take them. Raises Misused for what it would refuse."""
    given = {"username": username, "password": password} | ({"nickname": nickname} if nickname else {})
    try:
        taken: Mapping[str, Any] = Registration().load(given)
    except ValidationError as error:
        faults = error.normalized_messages()  # type: ignore[no-untyped-call]
        what = "; ".join(f"{name}: {' '.join(told)}" for name, told in faults.items())
        raise Misused(what) from error
    return taken


def made(password: str, *, from_stdin: bool) -> dict[str, str]:
    """Returns the password to print: none when whoever gave it knows it."""
    return {} if from_stdin else {"password": password}


def chosen_password(*, from_stdin: bool) -> str:
    """Returns the first line of stdin, or a new random password."""
    if not from_stdin:
        return secrets.token_urlsafe(_MADE_BYTES)
    return sys.stdin.readline(_MOST_READ).rstrip("\r\n")
