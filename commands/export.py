"""`im export`: writes all that is a user's into a directory."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from actions.export import Entry, entries
from commands.accounts import user_of
from commands.service import Misused, say
from infra.storage import Damaged, Missing, storage

_PRIVATE_DIRECTORY, _PRIVATE_FILE = 0o700, 0o600


def run(user: str, directory: Path, as_json: bool) -> None:
    """Write export.jsonl, under its name when it is whole, and media/. Print how much."""
    user_id = user_of(user)
    uploads = _new(directory)
    part = directory / "export.jsonl.part"
    count = missing = 0
    with _private(part) as file:
        for facts in _exported(user_id, uploads):
            file.write(orjson.dumps(facts) + b"\n")
            count += 1
            missing += "missing" in facts
    part.rename(directory / "export.jsonl")
    told = f"{count} entries" + (f", the bytes of {missing} uploads are missing" if missing else "")
    say(as_json, {"entries": count, "missing": missing}, told)
    raise SystemExit(1 if missing else 0)


def _new(directory: Path) -> Path:
    """Make the directory, which may be there when it is empty. Returns the place of media in it. Raises Misused."""
    directory.mkdir(_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise Misused(f"{directory} is not empty")
    uploads = directory / "media"
    uploads.mkdir(_PRIVATE_DIRECTORY)
    return uploads


def _exported(user_id: int, uploads: Path) -> Iterator[dict[str, Any]]:
    """Yields the lines of the file, each upload once, and writes the bytes of uploads."""
    for entry in entries(user_id):
        facts: dict[str, Any] = {"kind": entry.kind, entry.kind: entry.facts}
        if not entry.stored:
            yield facts
        elif not (place := uploads / entry.facts["media_id"]).exists():
            yield facts if _copied(entry, place) else facts | {"missing": True}


def _copied(entry: Entry, place: Path) -> bool:
    """Write an upload's bytes. Returns False when they are gone, or cut off."""
    with _private(place) as file:
        try:
            _copy(entry, file)
        except (Missing, Damaged):
            return False
    return True


def _copy(entry: Entry, file: BinaryIO) -> None:
    reading = storage().read(entry.stored, 0, entry.facts["size"])
    try:
        for chunk in reading:
            file.write(chunk)
    finally:
        reading.close()


def _private(path: Path) -> BinaryIO:
    """Returns a new file that only its owner may read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE), "wb")
