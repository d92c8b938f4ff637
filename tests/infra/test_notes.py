"""Tests that a note is read as it was written, across two releases, and that anything else is refused."""

from dataclasses import fields
from typing import Any, get_args

import orjson
import pytest

from infra.notes import (
    BacklogPage,
    BadNote,
    Confirmed,
    FastGroupMessage,
    FastMessage,
    Frame,
    Greeting,
    GroupFrame,
    GroupMessage,
    GroupTyping,
    Heartbeat,
    Joined,
    Message,
    Note,
    Quoting,
    Trace,
    Typing,
    decode,
    encode,
)
from infra.trace import Traced
from messaging.frame import frame
from tests.processes import ROOT

_NOTES: list[Note] = [
    Message("1_2", 5, 1, b'{"type":"new_message"}'),
    FastMessage("1_2", 5, 1, b'{"type":"new_message"}'),
    FastMessage("1_2", 5, 1, b'{"type":"new_message"}', at=1_796_088_916.25),
    Message("1_2", 5, 1, b"{}", traced=Traced(9, "00-" + "a" * 32 + "-" + "b" * 16 + "-01")),
    FastMessage("1_2", 5, 1, b"{}", traced=Traced(9, None)),
    GroupMessage("group_7", 5, 1, b"{}", traced=Traced(9, None)),
    FastGroupMessage("group_7", 5, 1, 4, b"{}", traced=Traced(9, None)),
    Frame(frame("recalled", {"content": "line\nline\r\n\u2028\x00 文😀"}), origin="a"),
    Frame(b""),
    Typing(b'{"type":"typing"}'),
    GroupMessage("group_7", 5, 1, b'{"type":"new_message"}', membership=True, went=(2, 3)),
    FastGroupMessage("group_7", 5, 1, 4, b'{"type":"new_message"}'),
    FastGroupMessage("group_7", 5, 1, 4, b'{"type":"new_message"}', at=1_796_088_916.25),
    GroupFrame("group_7", 5, b'{"type":"message_recalled"}'),
    GroupFrame("group_7", 5, b'{"type":"message_recalled"}', only=frozenset({2, 3})),
    GroupMessage("group_7", 5, 1, b"{}", quoting=Quoting(frame("x", {"content": "line\n😀"}), 4, frozenset({2, 3}))),
    FastGroupMessage("group_7", 5, 1, 4, b"{}", quoting=Quoting(b"[]", 4)),
    GroupFrame("group_7", 5, b"{}", quoting=Quoting(b"[]", 4)),
    GroupFrame("group_7", 5, b'{"type":"message_updated"}', blind=frozenset({2, 3})),
    GroupTyping("group_7", 1, 4, b'{"type":"typing"}'),
    Joined("group_7"),
    BacklogPage(
        "a", 3, (("1_2", 0, 2, True),), (("1_2", 1), ("1_2", 2)), ("1_2", 2), (b"{}", b"[]"), (("1_2", 2), ("2_3", 9))
    ),
    BacklogPage("a", 1),
    BacklogPage("a", 3, (("1_2", 0, 2, True),), (("1_2", 1), ("1_2", 2)), None, (b"{}", b"[]"), ids=(0, 9)),
    Greeting("a", (b"{}", b"[]", b'"x"')),
    Confirmed(((1, "1_2", 0, 5), (2, "2_3", 4, 6))),
    Trace("1_2", "im:trace:x"),
    Heartbeat(),
]


def test_every_kind_is_tried() -> None:
    assert {type(note) for note in _NOTES} == set(get_args(Note))


_ABSENT = object()
_WRONG: dict[str, tuple[object, ...]] = {
    "kind": (_ABSENT, "no such", None, 1, []),
    "v": (2, 99, 0, "1", None, [1]),
    "conversation_id": (_ABSENT, None, 5, ["a"]),
    "connection_id": (_ABSENT, None, 5, ["a"]),
    "reply": (_ABSENT, None, 5, ["a"]),
    "origin": (_ABSENT, 5, ["a"]),
    "seq": (_ABSENT, None, "5", 1.5, True),
    "from_user_id": (_ABSENT, None, "5", 1.5, True),
    "members_seq": (_ABSENT, None, "5", 1.5, True),
    "membership": (_ABSENT, None, 1, "true"),
    "only": (_ABSENT, None, 5, {}, "a", ["2"], [True]),
    "blind": (None, 5, {}, "a", ["2"], [True]),
    "went": (_ABSENT, None, 5, {}, "a", ["2"], [True]),
    "quoting": (
        *(5, "a", [], {}, {"frame": "{}", "seq": 4}, {"frame": "{}", "blind": []}, {"seq": 4, "blind": []}),
        *({"frame": 5, "seq": 4, "blind": []}, {"frame": "{}", "seq": "4", "blind": []}),
        *({"frame": "{}", "seq": 4, "blind": ["2"]}, {"frame": "{}", "seq": 4, "blind": {}}),
    ),
    "at": (5, "5", True, [5.5]),
    "ids": (None, 5, {}, "a", ["9", "8"], [9], [9, True]),
    "traced": (5, "ab", [], [9], ["9", None], [True, None], [9, 5], [9, None, 1], {}),
    "serial": (_ABSENT, None, "5", 1.5, True),
    "runs": (_ABSENT, None, 5, {}, "a", [5], [["1_2", 0, 2]], [["1_2", 0, 2, 1]], [["1_2", 0, "2", True]]),
    "places": (_ABSENT, None, 5, {}, "a", [5, 6], [["1_2"], ["1_2"]], [["1_2", "1"], ["1_2", "2"]], [["1_2", 1]]),
    "cursor": (_ABSENT, 5, {}, "ab", ["1_2"], ["1_2", "2"], [["1_2", 2]]),
    "tops": (None, 5, {}, "a", [5, 6], [["1_2"]], [["1_2", "1"]], [["1_2", 1, 1]], [[1, 1]]),
    "proofs": (_ABSENT, None, 5, {}, "a", [5], [[1]], [[1, "1_2", 0]], [["1", "1_2", 0, 5]]),
}


def header(note: Note) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(encode(note).split(b"\n")[0])
    return found


def changed(note: Note, **values: object) -> bytes:
    """Returns an encoded note with some values of its header changed or removed."""
    _, *frames = encode(note).split(b"\n")
    left = {name: value for name, value in (header(note) | values).items() if value is not _ABSENT}
    return b"\n".join((orjson.dumps(left), *frames))


@pytest.mark.parametrize("note", _NOTES, ids=repr)
def test_a_note_is_read_as_it_was_written(note: Note) -> None:
    assert decode(encode(note)) == note


@pytest.mark.parametrize("note", _NOTES, ids=repr)
def test_a_note_with_a_field_that_is_not_known_yet_is_read(note: Note) -> None:
    assert decode(changed(note, since=[5])) == note


@pytest.mark.parametrize("note", _NOTES, ids=repr)
def test_a_note_without_a_version_is_of_the_release_before(note: Note) -> None:
    assert decode(changed(note, v=_ABSENT)) == note


def test_what_quotes_nothing_has_the_header_of_the_release_before() -> None:
    assert "quoting" not in header(GroupMessage("group_7", 5, 1, b"{}"))
    assert decode(changed(GroupFrame("group_7", 5, b"{}", quoting=Quoting(b"[]", 4)), quoting=None)).quoting is None


@pytest.mark.parametrize("note", [FastMessage("1_2", 5, 1, b"{}"), FastGroupMessage("group_7", 5, 1, 4, b"{}")])
def test_what_does_not_say_when_it_was_committed_is_of_the_release_before(note: Note) -> None:
    assert decode(changed(note, at=_ABSENT)) == note


@pytest.mark.parametrize("note", [_NOTES[0], _NOTES[1], GroupMessage("group_7", 5, 1, b"{}"), _NOTES[11]], ids=repr)
def test_what_is_not_traced_has_the_header_of_the_release_before(note: Note) -> None:
    assert "traced" not in header(note)


def test_a_page_without_tops_is_of_the_release_before() -> None:
    assert decode(changed(BacklogPage("a", 1, tops=(("1_2", 2),)), tops=_ABSENT)) == BacklogPage("a", 1)


def test_a_frame_of_a_group_without_those_it_is_not_for_is_of_the_release_before() -> None:
    note = GroupFrame("group_7", 5, b"{}")
    assert decode(changed(note, blind=_ABSENT)) == note


@pytest.mark.parametrize(
    ("note", "name", "wrong"),
    [(note, name, wrong) for note in _NOTES for name in header(note) for wrong in _WRONG[name]],
    ids=lambda value: type(value).__name__ if isinstance(value, get_args(Note)) else repr(value),
)
def test_a_newer_version_an_unknown_kind_and_a_missing_or_ill_typed_field_are_refused(
    note: Note, name: str, wrong: object
) -> None:
    with pytest.raises(BadNote):
        decode(changed(note, **{name: wrong}))


@pytest.mark.parametrize(
    "note", [_NOTES[0], _NOTES[1], _NOTES[7], _NOTES[9], _NOTES[10]], ids=lambda note: type(note).__name__
)
def test_another_number_of_frames_is_refused(note: Note) -> None:
    raw = encode(note)
    for wrong in (raw + b"\n{}", raw.rpartition(b"\n")[0]):
        with pytest.raises(BadNote):
            decode(wrong)


@pytest.mark.parametrize(
    "raw",
    [b"", b"text", b"\xff\xfe", b"[]", b"1", b"null", b'"kind"', b"{}"],
    ids=repr,
)
def test_what_is_no_note_is_refused(raw: bytes) -> None:
    with pytest.raises(BadNote):
        decode(raw)


def test_the_architecture_names_every_kind_and_its_fields() -> None:
    rows = (ROOT / "docs/architecture.md").read_text().splitlines()
    for each in get_args(Note):
        (row,) = [row for row in rows if row.startswith(f"| `{each.__name__}` |")]
        _, _, named, *_ = row.split("|")
        assert [name.strip(" `") for name in named.split(",") if name.strip()] == [field.name for field in fields(each)]
