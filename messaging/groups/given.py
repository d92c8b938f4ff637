"""What a caller gives for a group: checked as far as is possible without the database."""

from collections.abc import Callable, Iterable
from typing import Any

from marshmallow import ValidationError

from messaging.errors import Code, Refused
from messaging.shown import require_address, require_name

MAX_NAME = 100
MAX_AVATAR = 255
MAX_DESCRIPTION = 500
MAX_NOTICE = 2_000
MAX_NICKNAME = 50
MAX_MESSAGE = 255
MAX_USERS = 100  # in one call
MAX_FIRST_MEMBERS = 500  # in the call that creates a group: a message names them all
MAX_MUTE_SECONDS = 2_592_000

TEXTS = ("name", "avatar", "description", "notice")
FLAGS = ("is_private", "join_approval", "allow_invite", "allow_member_modify", "mute_all")


def checked(**given: Any) -> dict[str, Any]:
    """Returns what was given of TEXTS and FLAGS, without what is None.

    Raises Refused: INVALID, GROUP_NAME_TOO_LONG, GROUP_DESCRIPTION_TOO_LONG.
    """
    found = {name: value for name, value in given.items() if value is not None}
    if len(found.get("name", "")) > MAX_NAME:
        raise Refused(Code.GROUP_NAME_TOO_LONG, f"name has more than {MAX_NAME} characters")
    if len(found.get("description", "")) > MAX_DESCRIPTION:
        raise Refused(Code.GROUP_DESCRIPTION_TOO_LONG, f"description has more than {MAX_DESCRIPTION} characters")
    for name, most in (("avatar", MAX_AVATAR), ("notice", MAX_NOTICE)):
        require_length(name, found.get(name, ""), most)
    if "name" in found:
        _require("name", found["name"], require_name)
    if "avatar" in found:
        _require("avatar", found["avatar"], require_address)
    return found


def nickname_in_group(text: str) -> str:
    """Returns a member's nickname. Raises Refused(INVALID) for one that cannot be shown or is too long."""
    require_length("nickname", text, MAX_NICKNAME)
    if text:
        _require("nickname", text, require_name)
    return text


def require_length(field: str, text: str, most: int) -> None:
    """Raises Refused(INVALID) when a text has more than `most` characters."""
    if len(text) > most:
        raise invalid(field, f"Longer than maximum length {most}.")


def users(user_ids: Iterable[int], *, field: str = "user_ids", least: int = 1, most: int = MAX_USERS) -> list[int]:
    """Returns the ids without repeats, ascending. Raises Refused(INVALID) when there are too many, or too few."""
    found = sorted(set(user_ids))
    if not least <= len(found) <= most:
        raise invalid(field, f"Must be {least} to {most} ids.")
    return found


def invalid(field: str, error: str) -> Refused:
    """Returns the refusal of a field's value."""
    return Refused(Code.INVALID, fields={field: [error]})


def _require(field: str, text: str, check: Callable[[str], None]) -> None:
    try:
        check(text)
    except ValidationError as error:
        raise invalid(field, str(error.messages[0])) from error
