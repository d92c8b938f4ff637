"""What no log may hold: the contents, passwords and tokens of the tests' people, and what looks like a hash or a token.

Whatever a test sends or is answered is noted here, and so is the log of every process that runs the product. When the
session ends, all of these logs are searched.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_SECRET = {
    *("content", "password", "old_password", "new_password"),
    *("access_token", "refresh_token", "ticket"),
}
_PUBLIC = "demo-password"  # of the demo's users, which `make run` tells
_SHORTEST = 12  # characters: what is shorter may stand in a log by chance
_WORD = re.compile(r"[\w-]{12,}")
_LOOKS_SECRET = re.compile(r"\$argon2|\beyJ[\w-]{8,}\.[\w-]{8,}")
_words: set[str] = set()
_texts: set[str] = set()
_logs: set[Path] = set()


def note(body: Any) -> None:
    """Note the secrets in a body of JSON, whatever it is about."""
    if isinstance(body, dict):
        for name, value in body.items():
            if name in _SECRET and isinstance(value, str):
                _note(value)
            else:
                note(value)
    elif isinstance(body, list):
        for each in body:
            note(each)


def _note(secret: str) -> None:
    """Note a text by a word of it, since logs are searched for many words at once; else as a whole."""
    if secret == _PUBLIC:
        return
    if words := _WORD.findall(secret):
        _words.add(max(words, key=len))
    elif len(secret) >= _SHORTEST:
        _texts.add(secret)


def watch(log: Path) -> None:
    """Have a log searched when the session ends."""
    _logs.add(log)


def told() -> Iterator[str]:
    """Yields the log and the line of each secret that was told, without the secret itself."""
    for log in sorted(_logs):
        if not log.exists():
            continue
        for line in log.read_text(errors="replace").splitlines():
            if _is_told(line):
                yield f"{log}: {line[:200]}"


def _is_told(line: str) -> bool:
    return bool(
        _LOOKS_SECRET.search(line) or not _words.isdisjoint(_WORD.findall(line)) or any(text in line for text in _texts)
    )
