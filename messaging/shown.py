"""Checks of texts that other users' clients show or open: a nickname, and the address of an avatar."""

from unicodedata import category
from urllib.parse import urlsplit

from marshmallow import ValidationError

# Embeddings, overrides and isolates change the direction of the text around them: a name would read as another one.
_TURNING = {*range(0x202A, 0x202F), *range(0x2066, 0x206A)}
_JOINERS = "\u200c\u200d"  # scripts and emoji need them
_BLANK = set("\u115f\u1160\u2800\u3164\uffa0")  # letters and symbols that are drawn as blanks


def require_name(text: str) -> None:
    """Raises ValidationError unless a name can be seen, and holds no invisible or direction-changing characters."""
    _require_plain(text)
    if any(category(each) == "Cf" and each not in _JOINERS for each in text):
        raise ValidationError("Must hold no invisible characters.")
    if not any(category(each)[0] in "LNPS" and each not in _BLANK for each in text):
        raise ValidationError("Must hold something that can be seen.")


def require_address(text: str) -> None:
    """Raises ValidationError unless the text is empty, an http or https address, or a relative path.

    Backslashes and white space are refused: browsers take a backslash for a slash, and drop line ends and tabs.
    """
    _require_plain(text)
    if any(each.isspace() or each == "\\" for each in text) or not _leads_to_a_picture(text):
        raise ValidationError("Must be empty, an http or https address, or a relative path.")


def _require_plain(text: str) -> None:
    if any(category(each) in ("Cc", "Zl", "Zp") or ord(each) in _TURNING for each in text):
        raise ValidationError("Must hold no control characters, and none that change the direction of writing.")


def _leads_to_a_picture(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return False
    if parts.scheme:
        return parts.scheme in ("http", "https") and bool(host)
    return not text.startswith("//") and ":" not in parts.path.partition("/")[0]
