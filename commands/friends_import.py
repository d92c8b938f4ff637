"""`im friends import`: makes the pairs of users of a file friends, a batch at a time."""

import csv
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import BinaryIO, NamedTuple

from commands.accounts import require_built_in
from commands.service import say
from db.session import read, write
from messaging import befriending, users
from messaging.fields import MAX_ID

_BATCH = 200  # pairs, whose users are locked together
_LONGEST_LINE = 1_024  # bytes


class _Line(NamedTuple):
    """A line of the file: the users whom it names, or what is wrong with it."""

    number: int
    names: tuple[str, str] = ("", "")
    wrong: str = ""


def run(file: BinaryIO, as_json: bool) -> None:
    """Make the two users of each line friends. Print the lines that were wrong, and how many were right."""
    require_built_in()
    made = wrong = 0
    lines = _lines(file)
    while batch := list(islice(lines, _BATCH)):
        faults = _befriended(batch)
        for line, fault in faults:
            say(as_json, {"line": line.number, "error": fault}, f"line {line.number}: {fault}")
        wrong += len(faults)
        made += len(batch) - len(faults)
    say(as_json, {"friendships": made, "errors": wrong}, f"{made} pairs are friends, {wrong} lines were wrong")
    raise SystemExit(1 if wrong else 0)


def _lines(file: BinaryIO) -> Iterator[_Line]:
    """Yields the lines that are not empty, without a heading `user,friend`. Of a long line only a part is read."""
    number = 0
    while raw := file.readline(_LONGEST_LINE + 1):
        number += 1
        if len(raw) > _LONGEST_LINE:
            while not raw.endswith(b"\n") and (raw := file.readline(_LONGEST_LINE)):
                pass
            yield _Line(number, wrong="too long")
            continue
        try:
            text = raw.decode("utf-8-sig").strip()
        except UnicodeDecodeError:
            yield _Line(number, wrong="not UTF-8")
            continue
        if text and not (number == 1 and text == "user,friend"):
            yield _parsed(number, text)


def _parsed(number: int, text: str) -> _Line:
    try:
        fields = [field.strip().lower() for field in next(csv.reader([text], strict=True))]
    except csv.Error:
        fields = []
    if len(fields) != 2 or not all(fields):
        return _Line(number, wrong="not two users with a comma between them")
    return _Line(number, (fields[0], fields[1]))


def _befriended(batch: Sequence[_Line]) -> list[tuple[_Line, str]]:
    """Make the users of each line friends. Returns the lines that are wrong, in their order, and why."""
    ids = _ids({name for line in batch for name in line.names})
    pairs = {line: (ids[line.names[0]], ids[line.names[1]]) for line in batch if set(line.names) <= ids.keys()}
    apart = {line: pair for line, pair in pairs.items() if pair[0] != pair[1]}
    unknown = write(befriending.befriend, pairs=list(apart.values())) if apart else set()
    known = {name for name, user_id in ids.items() if user_id not in unknown}
    return [(line, fault) for line in batch if (fault := _fault(line, known, apart.keys()))]


def _fault(line: _Line, known: set[str], apart: Collection[_Line]) -> str:
    if line.wrong:
        return line.wrong
    if missing := [name for name in line.names if name not in known]:
        return f"no such user: {missing[0]}"
    return "" if line in apart else "nobody is a friend of themselves"


def _ids(names: set[str]) -> dict[str, int]:
    """Returns the ids that these words name: digits are an id, whether there is such a user or not."""
    given = {name: int(name) for name in names if name.isascii() and name.isdecimal() and len(name) <= 16}
    usernames = sorted(name for name in names if name and name not in given)
    return {name: id_ for name, id_ in given.items() if 1 <= id_ <= MAX_ID} | (
        read(users.ids, usernames=usernames) if usernames else {}
    )
