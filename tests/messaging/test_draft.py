"""Tests of what a draft refuses before the database is asked."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from messaging.bodies import EVERYBODY
from messaging.draft import MAX_CONTENT, MAX_EXTRA, MOST_ADDED, Draft, forwarded, make
from messaging.errors import Code, Refused
from messaging.frame import frame

MEDIA = "0123456789abcdef" * 2


def refused(**fields: Any) -> Refused:
    """Returns the refusal of a draft of Alice's with these fields."""
    with pytest.raises(Refused) as caught:
        make(1, **({"to_user_id": 2, "content": "hello"} | fields))
    return caught.value


def nested(levels: int) -> dict[str, Any]:
    """Returns an object nested to that many levels."""
    extra: dict[str, Any] = {}
    for _ in range(levels - 1):
        extra = {"": extra}
    return extra


def test_a_text_to_a_user_needs_no_more() -> None:
    assert make(1, to_user_id=2, content="hello") == Draft(1, 2, message_type=1, content="hello")


@pytest.mark.parametrize("recipients", [{"to_user_id": None}, {"group_id": 5}, {"to_user_id": None, "group_id": None}])
def test_exactly_one_recipient_is_wanted(recipients: dict[str, int | None]) -> None:
    if recipients == {"to_user_id": None}:
        recipients = {"to_user_id": None, "group_id": None}
    error = refused(**recipients)
    assert error.code is Code.INVALID
    assert error.fields
    assert set(error.fields) == {"to_user_id"}


def to_group(**fields: Any) -> Draft:
    """Returns a draft of Alice's to the group 5."""
    return make(1, group_id=5, **({"content": "hello"} | fields))


def test_a_text_to_a_group_needs_no_more() -> None:
    draft = to_group()
    assert draft == Draft(1, 0, message_type=1, content="hello", group_id=5)
    assert draft.conversation_id == "group_5"


def test_a_group_and_a_user_of_one_id_are_two_recipients() -> None:
    assert not to_group().same_body(make(1, to_user_id=5, content="hello"))
    assert not to_group().same_body(replace(to_group(), group_id=6))


@pytest.mark.parametrize(
    ("named", "mentions"),
    [([7], (7,)), ([8, 7, 1], (8, 7, 1)), (list(range(1, 51)), tuple(range(1, 51))), (["all"], (EVERYBODY,))],
    ids=str,
)
def test_mentions_in_a_group_are_told(named: Any, mentions: tuple[int, ...]) -> None:
    draft = to_group(extra={"mentions": named, "more": 1})
    assert draft.mentions == mentions
    assert orjson.loads(draft.extra or "") == {"mentions": named, "more": 1}


@pytest.mark.parametrize(
    "named",
    [
        *(None, [], 7, "all", {"7": 1}),
        *(["7"], [7.0], [True], [0], [-1], [None], [[7]], [2**53], [2**63], [2**64 - 1]),
        *(["all", 7], ["all", "all"], ["ALL"]),
        *([7, 7], list(range(1, 52)), [7] * 2_000),
    ],
    ids=lambda named: str(named)[:20],
)
def test_mentions_of_another_form_are_refused(named: Any) -> None:
    error = refused(to_user_id=None, group_id=5, extra={"mentions": named})
    assert error.code is Code.INVALID
    assert set(error.fields or {}) == {"extra"}
    pair = make(1, to_user_id=2, content="x", extra={"mentions": named})
    assert pair.mentions == (), "in a pair extra is free"


def test_nobody_sends_to_oneself() -> None:
    error = refused(to_user_id=1)
    assert error.code is Code.INVALID
    assert error.fields
    assert set(error.fields) == {"to_user_id"}


@pytest.mark.parametrize("message_type", [1, 2, 3, 4, 5])
def test_types_of_the_contract_may_be_sent(message_type: int) -> None:
    extra = {"media_id": MEDIA} | ({"name": "a.txt"} if message_type == 5 else {}) if message_type > 1 else None
    assert make(1, to_user_id=2, content="x", message_type=message_type, extra=extra).message_type == message_type


@pytest.mark.parametrize("message_type", [0, 6, -1, 2**31 - 1])
def test_system_and_unknown_types_may_not(message_type: int) -> None:
    assert refused(message_type=message_type).code is Code.MESSAGE_TYPE


def test_content_must_not_be_empty() -> None:
    error = refused(content="")
    assert error.code is Code.INVALID
    assert error.fields
    assert set(error.fields) == {"content"}


@pytest.mark.parametrize("message_type", [2, 3, 4])
def test_but_a_caption_may(message_type: int) -> None:
    assert make(1, to_user_id=2, content="", message_type=message_type, extra={"media_id": MEDIA}).content == ""


@pytest.mark.parametrize("content", [" ", "\n", "\x00", "a\x00b", "👩‍👩‍👧", "'; --", "\u202e"], ids=ascii)
def test_any_character_is_content(content: str) -> None:
    assert make(1, to_user_id=2, content=content).content == content


@pytest.mark.parametrize("character", ["x", "文", "😀", "\x00"], ids=ascii)
def test_content_is_counted_in_characters(character: str) -> None:
    assert make(1, to_user_id=2, content=character * MAX_CONTENT).content == character * 5_000
    assert refused(content=character * (MAX_CONTENT + 1)).code is Code.TOO_LARGE


@pytest.mark.parametrize("filling", ["x", "文x", "😀x"], ids=ascii)
def test_extra_is_counted_in_bytes_of_compact_json(filling: str) -> None:
    unit = len(filling.encode())
    room = MAX_EXTRA - len('{"k":""}')
    text = filling * (room // unit) + "x" * (room % unit)
    extra = make(1, to_user_id=2, content="x", extra={"k": text}).extra
    assert extra is not None
    assert len(extra.encode()) == 8_192
    assert refused(extra={"k": text + "x"}).code is Code.TOO_LARGE


def test_extra_is_kept_as_json_text() -> None:
    assert (
        make(1, to_user_id=2, content="x", extra={"b": 1, "a": [None, 1.5, "é"]}).extra == '{"b":1,"a":[null,1.5,"é"]}'
    )


def test_no_extra_and_an_empty_one_differ() -> None:
    assert make(1, to_user_id=2, content="x").extra is None
    assert make(1, to_user_id=2, content="x", extra={}).extra == "{}"


@pytest.mark.parametrize("levels", [255, 254, 253, 252, 251])
def test_extra_too_deep_to_be_told_again_is_refused(levels: int) -> None:
    """orjson writes at most 254 levels. A frame that cannot be written would hold up its outbox shard for ever."""
    error = refused(extra=nested(levels))
    assert error.code is Code.INVALID
    assert error.fields
    assert set(error.fields) == {"extra"}


def test_the_deepest_extra_fits_into_every_answer() -> None:
    deepest = max(level for level in range(200, 255) if _accepted(nested(level)))
    extra = orjson.loads(make(1, to_user_id=2, content="x", extra=nested(deepest)).extra or "")
    assert frame("new_message", {"extra": extra})
    assert orjson.dumps({"conversations": [{"conversation": {"last_message": {"extra": extra}}}]})


def _accepted(extra: dict[str, Any]) -> bool:
    try:
        make(1, to_user_id=2, content="x", extra=extra)
    except Refused:
        return False
    return True


def test_a_retry_has_the_same_body() -> None:
    draft = make(1, to_user_id=2, content="x", extra={"a": 1}, client_msg_id="k")
    assert draft.same_body(draft)


@pytest.mark.parametrize(
    "changes", [{"to_user_id": 3}, {"message_type": 2}, {"content": "X"}, {"extra": None}, {"extra": '{"a":2}'}]
)
def test_another_body_is_no_retry(changes: dict[str, Any]) -> None:
    draft = make(1, to_user_id=2, content="x", extra={"a": 1}, client_msg_id="k")
    assert not draft.same_body(replace(draft, **changes))


def test_what_is_hashed_stays_the_same() -> None:
    """The value is compared with values that earlier releases stored."""
    sent = make(1, to_user_id=2, content="文 x", extra={"a": [1.5, "é"]}, message_type=2, client_msg_id="k", free=True)
    assert sent.body_hash.hex() == "4a81ba22e9fe22bc"


def test_a_content_cannot_pass_for_an_extra() -> None:
    text = make(1, to_user_id=2, content='x{"a":1}', client_msg_id="k")
    assert not text.same_body(make(1, to_user_id=2, content="x", extra={"a": 1}, client_msg_id="k"))


def test_an_extra_in_another_order_is_another_body() -> None:
    draft = make(1, to_user_id=2, content="x", extra={"a": 1, "b": 2}, client_msg_id="k")
    assert not draft.same_body(make(1, to_user_id=2, content="x", extra={"b": 2, "a": 1}, client_msg_id="k"))


def test_the_conversation_is_the_pairs() -> None:
    assert make(2, to_user_id=1, content="x").conversation_id == "1_2"


@pytest.mark.parametrize("key", ["", " ", "k ", " k", "x" * 65, "é", "a\n", "a\x7f"], ids=repr)
def test_a_key_must_be_printable_ascii_without_a_space_at_its_ends(key: str) -> None:
    with pytest.raises(Refused) as refused:
        make(1, to_user_id=2, content="x", client_msg_id=key)
    assert refused.value.code is Code.INVALID
    assert set(refused.value.fields or {}) == {"client_msg_id"}


@pytest.mark.parametrize("key", ["k", "K 1", "x" * 64, "~!"])
def test_any_other_key_is_kept(key: str) -> None:
    assert make(1, to_user_id=2, content="x", client_msg_id=key).client_msg_id == key


def row(**fields: Any) -> Any:
    """Returns a stored message, with its `extra` as JSON text."""
    extra = fields.pop("extra", None)
    fields = {"id": 9, "from_user_id": 7, "message_type": 1, "content": "x"} | fields
    return SimpleNamespace(extra=None if extra is None else orjson.dumps(extra).decode(), **fields)


@pytest.mark.parametrize(
    ("extra", "copied"),
    [
        (None, {"forwarded_from": {"user_id": 7, "message_id": 9}}),
        (
            {"mentions": [1], "reply_to": 3, "more": 1},
            {"more": 1, "forwarded_from": {"user_id": 7, "message_id": 9}},
        ),
        (
            {"forwarded_from": {"user_id": 2, "message_id": 4}},
            {"forwarded_from": {"user_id": 2, "message_id": 4}},
        ),
    ],
    ids=["none", "mentions and an answer", "a copy"],
)
def test_a_copy_names_the_first_original(extra: Any, copied: dict[str, Any]) -> None:
    draft = forwarded(row(extra=extra), 1)
    assert orjson.loads(draft.extra or "") == copied
    assert (draft.from_user_id, draft.content, draft.copied_id) == (1, "x", 9)
    assert (draft.client_msg_id, draft.mentions, draft.reply_to, draft.media_id) == (None, (), None, None)


@pytest.mark.parametrize(
    "own", ["x", {}, {"user_id": 2}, {"user_id": "2", "message_id": 4}, {"user_id": 0, "message_id": 4}]
)
def test_a_text_from_before_copies_names_nobody_else(own: Any) -> None:
    draft = forwarded(row(extra={"forwarded_from": own}), 1)
    assert orjson.loads(draft.extra or "") == {"forwarded_from": {"user_id": 7, "message_id": 9}}


def test_a_repeat_of_a_copy_is_told_by_what_it_copies() -> None:
    draft = replace(forwarded(row(content="before"), 1), group_id=5)
    stored = SimpleNamespace(body_hash=draft.body_hash)
    assert replace(draft, content="", extra=None).same_body(stored)
    assert not replace(draft, copied_id=10).same_body(stored)
    assert not replace(draft, group_id=6).same_body(stored)
    assert not replace(draft, copied_id=0).same_body(stored)


def test_what_the_server_adds_is_bounded() -> None:
    measured = {"width": 2**31 - 1, "height": 2**31 - 1, "duration": (2**53 - 1) / 1_000, "size": 2**53 - 1}
    added = orjson.loads(forwarded(row(id=2**53 - 1, from_user_id=2**53 - 1), 1).extra or "")
    assert len(orjson.dumps(measured | added)) <= MOST_ADDED


def test_a_copy_carries_the_same_upload_and_its_caption_may_be_empty() -> None:
    draft = forwarded(row(message_type=2, content="", extra={"media_id": MEDIA, "width": 3}), 1)
    assert (draft.media_id, draft.message_type, draft.content) == (MEDIA, 2, "")
    assert orjson.loads(draft.extra or "")["width"] == 3
