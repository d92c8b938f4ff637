"""Tests that messages carry uploads: whose, of which kind, with what of them in `extra`, and until when."""

from typing import Any

import orjson
import pytest
from sqlalchemy import delete, update

from db.media import Media
from db.session import write
from messaging.delete import delete_for_everyone, delete_for_oneself
from messaging.errors import Code, Refused
from messaging.recall import recall
from messaging.send import Sent
from tests.messaging.conftest import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    befriend,
    draft,
    hide,
    messages,
    read,
    store,
)
from tests.messaging.uploads import FILE, IMAGE, VIDEO, VOICE, carrying, is_used, picture, upload, uses


def sent(answers: list[Any]) -> dict[str, Any]:
    """Returns the Message of the only answer. Fails when it is a refusal."""
    (answer,) = answers
    assert isinstance(answer, Sent), answer
    return answer.message


def codes(answers: list[Any]) -> list[Code | None]:
    """Returns the code with which each draft was refused, None for one that was stored."""
    return [answer.code if isinstance(answer, Refused) else None for answer in answers]


@pytest.mark.parametrize(
    ("kind", "measured", "given", "told"),
    [
        (IMAGE, {"width": 30, "height": 40}, "", {"width": 30, "height": 40}),
        (
            IMAGE,
            {"width": 30, "height": 40},
            ',"width":1,"custom":{"a":1}',
            {"width": 30, "height": 40, "custom": {"a": 1}},
        ),
        (IMAGE, {}, ',"width":5', {"width": 5}),
        (VOICE, {"duration": 3_250}, ',"duration":60', {"duration": 3.25}),
        (VIDEO, {"width": 3, "height": 4, "duration": 500}, "", {"width": 3, "height": 4, "duration": 0.5}),
        (VIDEO, {"width": 3, "height": 4}, ',"duration":9', {"width": 3, "height": 4, "duration": 9}),
        (FILE, {"size": 9, "width": 3}, ',"name":"a.txt","size":1', {"name": "a.txt", "size": 9}),
        (FILE, {"size": 0}, ',"name":"a.txt","size":1', {"name": "a.txt", "size": 0}),
    ],
)
def test_what_the_server_has_measured_is_told(
    pair: str, kind: int, measured: dict[str, int], given: str, told: dict[str, Any]
) -> None:
    media_id = upload(kind=kind, **measured)
    message = sent(store(draft(ALICE, BOB, **carrying(media_id, kind, given))))
    assert message["extra"] == {"media_id": media_id} | told
    assert (message["content"], message["message_type"]) == ("", kind)
    assert orjson.loads(messages()[0].extra or "") == message["extra"]
    assert uses(media_id) == [(message["id"], pair, 1, ALICE, BOB)]
    assert is_used(media_id)


def test_a_repeat_has_the_same_body_though_another_was_stored(pair: str) -> None:
    media_id = upload(width=30)
    again = picture(ALICE, BOB, media_id, client_msg_id="k")
    first = sent(store(again))
    for answers in (store(again), store(again, again)):
        for answer in answers:
            assert isinstance(answer, Sent)
            assert (answer.message, answer.duplicate) == (first, True)
    other = draft(ALICE, BOB, **carrying(media_id, extra=',"width":30', client_msg_id="k"))
    assert codes(store(other)) == [Code.CLIENT_MSG_ID_REUSED], "what was sent is compared, not what was stored"
    assert len(uses(media_id)) == 1


def test_a_repeat_is_one_whatever_has_become_of_the_upload(pair: str) -> None:
    media_id = upload()
    again = picture(ALICE, BOB, media_id, client_msg_id="k")
    first = sent(store(again))
    write(recall, user_id=ALICE, message_id=first["id"])
    write(lambda session, _: session.execute(delete(Media)))
    (answer,) = store(again)
    assert isinstance(answer, Sent)
    assert (answer.message["id"], answer.duplicate) == (first["id"], True)
    assert codes(store(picture(ALICE, BOB, media_id, client_msg_id="k2"))) == [Code.NO_SUCH_MEDIA]


def test_one_sends_only_what_one_has_uploaded_or_can_read(pair: str) -> None:
    befriend(BOB, CAROL)
    befriend(CAROL, DAVE)
    media_id = upload(ALICE)
    assert codes(store(picture(BOB, CAROL, media_id))) == [Code.NO_SUCH_MEDIA], "nobody has sent it to Bob"
    assert codes(store(picture(ALICE, BOB, "f" * 32))) == [Code.NO_SUCH_MEDIA], "nobody has uploaded it"
    first = sent(store(picture(ALICE, BOB, media_id)))
    assert codes(store(picture(CAROL, DAVE, media_id))) == [Code.NO_SUCH_MEDIA], "nobody has sent it to Carol"
    hide(CAROL, sent(store(picture(BOB, CAROL, media_id))))
    assert codes(store(picture(CAROL, DAVE, media_id))) == [Code.NO_SUCH_MEDIA], "she has hidden the only one she had"
    sent(store(picture(BOB, CAROL, media_id)))
    sent(store(picture(CAROL, DAVE, media_id)))
    write(recall, user_id=ALICE, message_id=first["id"])
    assert codes(store(picture(BOB, CAROL, media_id))) == [None], "he has his own copy"
    assert is_used(media_id)


def test_the_uploader_may_send_it_again_after_a_recall(pair: str) -> None:
    media_id = upload()
    first = sent(store(picture(ALICE, BOB, media_id)))
    write(recall, user_id=ALICE, message_id=first["id"])
    assert not is_used(media_id)
    assert codes(store(picture(BOB, ALICE, media_id))) == [Code.NO_SUCH_MEDIA]
    sent(store(picture(ALICE, BOB, media_id)))
    assert is_used(media_id)


@pytest.mark.parametrize("kind", [IMAGE, VOICE, VIDEO, FILE])
@pytest.mark.parametrize("message_type", [IMAGE, VOICE, VIDEO, FILE])
def test_it_must_be_of_the_types_kind(pair: str, kind: int, message_type: int) -> None:
    media_id = upload(kind=kind)
    (answer,) = store(draft(ALICE, BOB, **carrying(media_id, message_type)))
    if kind == message_type:
        assert isinstance(answer, Sent)
    else:
        assert isinstance(answer, Refused)
        assert (answer.code, set(answer.fields or {})) == (Code.INVALID, {"extra"})
        assert not is_used(media_id)


def test_a_refused_draft_uses_nothing_and_hinders_no_other(pair: str) -> None:
    media_id, other = upload(), upload(CAROL)
    drafts = [
        picture(ALICE, BOB, other),
        picture(ALICE, DAVE, media_id),
        picture(ALICE, BOB, media_id),
        draft(ALICE, BOB, "text"),
        picture(ALICE, BOB, media_id),
    ]
    assert codes(store(*drafts)) == [Code.NO_SUCH_MEDIA, Code.NOT_FRIENDS, None, None, None]
    assert [seq for _, _, seq, _, _ in uses(media_id)] == [1, 3]
    assert uses(other) == []
    assert not is_used(other)


def test_many_conversations_in_one_batch(pair: str) -> None:
    befriend(BOB, CAROL)
    ours, theirs = upload(ALICE, VOICE, duration=1_000), upload(BOB)
    answers = store(
        picture(BOB, CAROL, theirs),
        draft(BOB, ALICE, **carrying(theirs)),
        draft(ALICE, BOB, **carrying(ours, VOICE)),
        picture(BOB, ALICE, theirs),
    )
    first, second, third, last = [sent([answer]) for answer in answers]
    assert uses(theirs) == [
        (first["id"], "2_3", 1, BOB, CAROL),
        (second["id"], "1_2", 1, ALICE, BOB),
        (last["id"], "1_2", 3, ALICE, BOB),
    ]
    assert uses(ours) == [(third["id"], "1_2", 2, ALICE, BOB)]


@pytest.mark.parametrize("rule", [recall, delete_for_everyone])
def test_a_withdrawn_message_carries_nothing(pair: str, rule: Any) -> None:
    media_id = upload()
    one, other = (sent(store(picture(ALICE, BOB, media_id))) for _ in range(2))
    write(rule, user_id=ALICE, message_id=one["id"])
    assert uses(media_id) == [(other["id"], pair, 2, ALICE, BOB)]
    assert is_used(media_id)
    write(rule, user_id=ALICE, message_id=other["id"])
    assert uses(media_id) == []
    assert not is_used(media_id)


def test_deleting_what_was_recalled_does_not_begin_its_time_anew(pair: str) -> None:
    media_id = upload()
    message = sent(store(picture(ALICE, BOB, media_id)))
    write(recall, user_id=ALICE, message_id=message["id"])
    long_ago = read(lambda session: session.get_one(Media, media_id)).unused_since.replace(year=2020)
    write(lambda session, _: session.execute(update(Media).values(unused_since=long_ago)))
    write(delete_for_everyone, user_id=BOB, message_id=message["id"])
    assert read(lambda session: session.get_one(Media, media_id)).unused_since == long_ago


def test_a_hidden_message_still_carries(pair: str) -> None:
    media_id = upload()
    message = sent(store(picture(ALICE, BOB, media_id)))
    write(delete_for_oneself, user_id=BOB, message_id=message["id"])
    assert len(uses(media_id)) == 1
    assert is_used(media_id)


def test_a_message_from_before_uploads_is_withdrawn(pair: str) -> None:
    for text in ('{"media_id":7}', f'{{"media_id":"{"0" * 32}"}}', '{"w":3}', None):
        message = sent(store(draft(ALICE, BOB, message_type=IMAGE, extra=text)))
        write(recall, user_id=ALICE, message_id=message["id"])
    assert [each.status for each in messages()] == [4] * 4


def test_texts_cost_no_statement_more(pair: str, statements: list[str]) -> None:
    message = sent(store(draft(ALICE, BOB, extra=f'{{"media_id":"{"0" * 32}"}}')))
    write(recall, user_id=ALICE, message_id=message["id"])
    assert not [each for each in statements if "im_media" in each]
