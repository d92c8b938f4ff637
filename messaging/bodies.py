"""What the `extra` of each type of message may hold, and what the server reads of it.

Text has an `extra` of its own. Types 2 to 5 carry an upload, or the address of something that lies elsewhere.
"""

import re
from dataclasses import dataclass
from typing import Any

import orjson
from marshmallow import Schema, ValidationError, fields

from infra.ids import MAX_ID
from infra.settings import settings
from messaging.errors import Code, Refused
from messaging.fields import Int, Matches, Object, Seconds
from messaging.message_type import MessageType

MOST_MENTIONS = 50
EVERYBODY = 0  # in place of a user's id: all members of the group are mentioned
MOST_IN_A_NAME = 255  # characters
MOST_IN_A_URL = 2_048  # characters
# The keys that the server reads, and the one that it alone writes.
MENTIONS, REPLY_TO, MEDIA_ID, URL, FORWARDED_FROM = "mentions", "reply_to", "media_id", "url", "forwarded_from"

_MEDIA_ID = "^[0-9a-f]{32}$"
# A browser takes `\` for `/`, and what stands before `@` for a user's name: neither may hide the host.
_URL = re.compile(r"https?://[^\s/?#\\@\x00-\x20\x7f]+([/?#][^\s\\\x00-\x20\x7f]*)?", re.IGNORECASE)
# Separators, control characters, and marks that turn text round: `gpj.exe` must not be shown as `exe.jpg`.
_NOT_IN_A_NAME = re.compile("[/\\\\\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_MOST_ERRORS = 10  # that one refusal tells of
_LONGEST_KEY = 64  # characters of a key that a refusal names


@dataclass(frozen=True, slots=True)
class Body:
    """What the server reads of an `extra`: the members whom it mentions, the message that it answers, the upload."""

    mentions: tuple[int, ...] = ()
    reply_to: int | None = None
    media_id: str | None = None


def _name(value: str) -> None:
    if len(value) > MOST_IN_A_NAME or not value.strip(" ."):
        raise ValidationError(f"Must have 1 to {MOST_IN_A_NAME} characters, and not dots and spaces alone.")
    if _NOT_IN_A_NAME.search(value):
        raise ValidationError("Must have no separators, control characters or marks that turn text round.")


def _url(value: str) -> None:
    if len(value) > MOST_IN_A_URL or not _URL.fullmatch(value):
        raise ValidationError(f"Must be an http or https address of at most {MOST_IN_A_URL} characters.")


class Carrying(Schema):
    """What all of types 2 to 5 may have. What the server has measured overrules what is sent."""

    media_id = fields.String(validate=Matches(_MEDIA_ID, "Not a media id."))
    url = fields.String(validate=_url)
    custom = Object()
    mentions = fields.Raw()  # read below, as in text
    reply_to = fields.Raw()


class Image(Carrying):
    """A picture; its size in pixels."""

    width = Int(minimum=0, maximum=2**31 - 1)
    height = Int(minimum=0, maximum=2**31 - 1)


class Voice(Carrying):
    """Something spoken."""

    duration = Seconds()


class Video(Image, Voice):
    """A video."""


class File(Carrying):
    """A file; its size in bytes."""

    name = fields.String(required=True, validate=_name)
    size = Int(minimum=0, maximum=MAX_ID)


_SCHEMAS: dict[int, Schema] = {
    MessageType.IMAGE: Image(),
    MessageType.VOICE: Voice(),
    MessageType.VIDEO: Video(),
    MessageType.FILE: File(),
}
_FREE = Carrying(only=[URL], unknown="exclude")


def read(message_type: int, extra: dict[str, Any] | None, *, in_group: bool, free: bool = False) -> Body:
    """Returns what the server reads of the `extra` that a user gives a message. Raises Refused(INVALID).

    With `free`, only an upload binds types 2 to 5 to their schemas; else their `extra` is their own, like a text's.
    """
    given = extra or {}
    if FORWARDED_FROM in given:
        raise _refused(f"{FORWARDED_FROM} is set by the server alone.")
    carries = message_type in _SCHEMAS
    if carries:
        _check(message_type, given, free=free)
    return Body(_mentions(given) if in_group else (), _reply_to(given), given.get(MEDIA_ID) if carries else None)


def media_of(message: Any) -> str | None:
    """Returns the id of the upload that a stored message carries, None for one that carries none."""
    if message.message_type not in _SCHEMAS or not message.extra:
        return None
    named = orjson.loads(message.extra).get(MEDIA_ID)  # anything, in a message that is older than uploads
    return named if isinstance(named, str) and re.fullmatch(_MEDIA_ID, named) else None


def forwarded_from(extra: dict[str, Any]) -> dict[str, int] | None:
    """Returns who sent the first original of a copy, and its id, as `extra` says; None when it is no copy."""
    first = extra.get(FORWARDED_FROM)  # anything, in a text that is older than copies
    is_one = isinstance(first, dict) and first.keys() == {"user_id", "message_id"} and all(map(_is_id, first.values()))
    return first if is_one else None


def _check(message_type: int, given: dict[str, Any], *, free: bool) -> None:
    free = free and MEDIA_ID not in given
    schema = _FREE if free else _SCHEMAS[message_type]
    if errors := schema.validate(given):
        told = [f"{str(key)[:_LONGEST_KEY]}: {' '.join(map(str, texts))}" for key, texts in errors.items()]
        raise _refused(*told[:_MOST_ERRORS])
    if free:
        return
    if MEDIA_ID in given and URL in given:
        raise _refused("Give either media_id or url.")
    if MEDIA_ID not in given and not (URL in given and settings().media_urls):
        raise _refused("Give the media_id of an upload.")


def _reply_to(given: dict[str, Any]) -> int | None:
    if REPLY_TO not in given:
        return None
    if not _is_id(given[REPLY_TO]):
        raise _refused("reply_to must be the id of a message.")
    return int(given[REPLY_TO])


def _mentions(given: dict[str, Any]) -> tuple[int, ...]:
    """Returns the ids of those mentioned in a group's message, or EVERYBODY alone."""
    if MENTIONS not in given:
        return ()
    named = given[MENTIONS]
    if named == ["all"]:
        return (EVERYBODY,)
    if not isinstance(named, list) or not all(map(_is_id, named)):
        raise _refused('mentions must be a list of user ids, or ["all"].')
    if not 1 <= len(named) <= MOST_MENTIONS or len(set(named)) < len(named):
        raise _refused(f"mentions must hold 1 to {MOST_MENTIONS} ids, each once.")
    return tuple(named)


def _is_id(value: Any) -> bool:
    return type(value) is int and 1 <= value <= MAX_ID


def _refused(*errors: str) -> Refused:
    return Refused(Code.INVALID, fields={"extra": list(errors)})
