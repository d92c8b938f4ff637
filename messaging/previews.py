"""The text that stands for a message where there is room for a line: its content, or what kind of message it is."""

from unicodedata import category

import orjson

from infra.settings import settings
from messaging.message_type import MessageType

MOST = 100  # characters

_NAMES = {
    "zh": {
        MessageType.IMAGE: "[图片]",
        MessageType.VOICE: "[语音]",
        MessageType.VIDEO: "[视频]",
        MessageType.FILE: "[文件]",
    },
    "en": {
        MessageType.IMAGE: "[Picture]",
        MessageType.VOICE: "[Voice]",
        MessageType.VIDEO: "[Video]",
        MessageType.FILE: "[File]",
    },
}
_ZERO_WIDTH_JOINER = "\u200d"


def preview(message_type: int, content: str, extra: str | None) -> str:
    """Returns at most 100 characters that stand for a message. Of `extra`, JSON text, the `name` of a file is read."""
    if content.strip():
        return cut(content)
    named = _NAMES[settings().language].get(MessageType(message_type), "")
    name = orjson.loads(extra).get("name") if extra and message_type == MessageType.FILE else None
    return cut(f"{named} {name}") if isinstance(name, str) else named


def cut(text: str, most: int = MOST) -> str:
    """Returns the beginning of a text, at most so many characters, and no half of what is drawn as one.

    An emoji of several characters, or a letter with its accents, is left out whole, unless it fills all the room.
    """
    end = min(len(text), most)
    while 0 < end < len(text) and _joined(text, end):
        end -= 1
    return text[: end or most]


def _joined(text: str, place: int) -> bool:
    """Returns whether the characters before and at a place are drawn as one."""
    before, at = text[place - 1], text[place]
    if at == _ZERO_WIDTH_JOINER or before == _ZERO_WIDTH_JOINER or category(at) in ("Mn", "Mc", "Me"):
        return True
    if "\U0001f3fb" <= at <= "\U0001f3ff" or "\U000e0020" <= at <= "\U000e007f":  # of skin, and tags of flags
        return True
    return _is_letter_of_flag(at) and _letters_of_flags_before(text, place) % 2 == 1


def _letters_of_flags_before(text: str, place: int) -> int:
    start = place
    while start and _is_letter_of_flag(text[start - 1]):
        start -= 1
    return place - start


def _is_letter_of_flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"  # two of them are one flag
