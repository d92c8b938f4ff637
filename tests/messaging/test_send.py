"""Tests that drafts become messages, each with its own answer, a dense seq and an event in the outbox."""

from typing import Any

import pytest
from sqlalchemy import delete, insert, select

from db.blacklist import Blacklist
from db.friend import Friend
from db.head import Head
from db.message import Message
from db.session import engine, write
from infra.settings import settings
from messaging.conversation_id import shard_of
from messaging.errors import Code, Refused
from messaging.send import Answer, Sent
from tests.messaging.conftest import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    befriend,
    draft,
    events,
    messages,
    read,
    set_message,
    store,
    store_many,
    stored,
)


def told(answers: list[Answer]) -> list[Any]:
    """Returns each answer in short: its seq, with a star when it is a duplicate, or the code of its refusal."""
    return [
        answer.code if isinstance(answer, Refused) else f"{answer.message['seq']}{'*' if answer.duplicate else ''}"
        for answer in answers
    ]


def only(answers: list[Answer]) -> Sent:
    """Returns the only answer. Fails when it is a refusal."""
    (answer,) = answers
    assert isinstance(answer, Sent), answer
    return answer


def head(conversation_id: str) -> tuple[int, int]:
    """Returns the last_seq and change_seq of a conversation."""
    found: Head = read(lambda session: session.get_one(Head, conversation_id))
    return found.last_seq, found.change_seq


def test_a_stored_message_is_answered_whole(pair: str) -> None:
    answer = only(store(draft(BOB, ALICE, "hi", message_type=2, extra='{"a":1}', client_msg_id="k")))
    (row,) = messages()
    moment = answer.message.pop("create_time")
    assert answer.message.pop("update_time") == moment
    assert answer.message == {
        "id": row.id,
        "conversation_id": pair,
        "seq": 1,
        "change_seq": 1,
        "from_user_id": BOB,
        "to_user_id": ALICE,
        "message_type": 2,
        "content": "hi",
        "extra": {"a": 1},
        "status": 1,
        "client_msg_id": "k",
        "reply": None,
    }
    assert (row.content, row.status, row.seq, row.from_user_id) == ("hi", 1, 1, BOB)


def test_nothing_to_store_is_answered_with_nothing(pair: str) -> None:
    assert store() == []


@pytest.mark.parametrize("content", ["a\x00b", "😀" * 5_000, " ", "\\'\"%s {}"], ids=lambda content: ascii(content[:9]))
def test_content_is_stored_as_it_is(pair: str, content: str) -> None:
    assert stored(ALICE, BOB, content)["content"] == content
    assert messages()[0].content == content


def test_seqs_are_dense_over_batches(pair: str) -> None:
    seqs = [message["seq"] for _ in range(3) for message in store_many(ALICE, BOB, 2)]
    assert seqs == [1, 2, 3, 4, 5, 6]


def test_seqs_are_dense_in_a_batch_over_several_conversations(pair: str) -> None:
    befriend(ALICE, CAROL)
    befriend(BOB, CAROL)
    stored(CAROL, BOB)
    answers = store(
        draft(ALICE, BOB),
        draft(BOB, CAROL),
        draft(BOB, ALICE),
        draft(CAROL, ALICE),
        draft(CAROL, BOB),
        draft(ALICE, BOB),
    )
    assert told(answers) == ["1", "2", "2", "1", "3", "3"]
    assert (head("1_2"), head("1_3"), head("2_3")) == ((3, 3), (1, 1), (3, 3))


def test_change_seq_goes_its_own_way_after_a_change(pair: str) -> None:
    stored(ALICE, BOB)
    write(lambda session, _: session.execute(Head.__table__.update().values(change_seq=7)))
    found = store_many(ALICE, BOB, 2)
    assert [(message["seq"], message["change_seq"]) for message in found] == [(2, 8), (3, 9)]
    assert head(pair) == (3, 9)


def test_a_repeat_stores_nothing(pair: str) -> None:
    first = only(store(draft(ALICE, BOB, client_msg_id="k")))
    again = only(store(draft(ALICE, BOB, client_msg_id="k")))
    assert (first.duplicate, again.duplicate) == (False, True)
    assert again.message == first.message
    assert again.shard is None, "nobody needs to be poked"
    assert (len(messages()), len(events()), head(pair)) == (1, 1, (1, 1))


def test_two_equal_keys_in_one_batch_store_once(pair: str) -> None:
    answers = store(*(draft(ALICE, BOB, client_msg_id="k") for _ in range(3)), draft(ALICE, BOB))
    assert told(answers) == ["1", "1*", "1*", "2"]
    assert len(messages()) == len(events()) == 2


def test_one_draft_given_twice_stores_once(pair: str) -> None:
    same = draft(ALICE, BOB, client_msg_id="k")
    assert told(store(same, same)) == ["1", "1*"]


def test_the_same_key_with_another_body_is_refused(pair: str) -> None:
    store(draft(ALICE, BOB, "one", client_msg_id="k"))
    answers = store(
        draft(ALICE, BOB, "two", client_msg_id="k"),
        draft(ALICE, BOB, "one", client_msg_id="k", message_type=2),
        draft(ALICE, BOB, "one", client_msg_id="k", extra="{}"),
        draft(ALICE, BOB, "one", client_msg_id="k"),
    )
    assert told(answers) == [Code.CLIENT_MSG_ID_REUSED] * 3 + ["1*"]


def test_the_same_key_with_another_body_in_one_batch_is_refused(pair: str) -> None:
    befriend(ALICE, CAROL)
    answers = store(
        draft(ALICE, BOB, "one", client_msg_id="k"),
        draft(ALICE, BOB, "two", client_msg_id="k"),
        draft(ALICE, CAROL, "one", client_msg_id="k"),
    )
    assert told(answers) == ["1", Code.CLIENT_MSG_ID_REUSED, Code.CLIENT_MSG_ID_REUSED]
    assert len(messages()) == 1


def test_keys_differ_by_case(pair: str) -> None:
    assert told(store(draft(ALICE, BOB, client_msg_id="K1"), draft(ALICE, BOB, client_msg_id="k1"))) == ["1", "2"]
    assert told(store(draft(ALICE, BOB, client_msg_id="K1"), draft(ALICE, BOB, client_msg_id="k1"))) == ["1*", "2*"]


def test_keys_of_two_senders_are_two_keys(pair: str) -> None:
    assert told(store(draft(ALICE, BOB, client_msg_id="k"), draft(BOB, ALICE, client_msg_id="k"))) == ["1", "2"]


def test_a_message_without_a_key_is_nobodys_repeat(pair: str) -> None:
    assert told(store(draft(ALICE, BOB), draft(ALICE, BOB))) == ["1", "2"]
    assert told(store(draft(ALICE, BOB))) == ["3"]


def test_a_stranger_is_refused(pair: str) -> None:
    assert told(store(draft(ALICE, CAROL), draft(CAROL, BOB), draft(ALICE, 999))) == [Code.NOT_FRIENDS] * 3
    assert messages() == []


def test_a_block_refuses_both_sides_alike(pair: str) -> None:
    block = {"user_id": BOB, "blocked_id": ALICE}
    write(lambda session, now: session.execute(insert(Blacklist), [block | {"create_time": now}]))
    assert told(store(draft(ALICE, BOB), draft(BOB, ALICE))) == [Code.NOT_FRIENDS] * 2


def test_refusals_do_not_touch_their_neighbours(pair: str) -> None:
    store(draft(ALICE, BOB, "one", client_msg_id="used"))
    answers = store(
        draft(ALICE, BOB),
        draft(ALICE, CAROL),
        draft(ALICE, BOB, "two", client_msg_id="used"),
        draft(BOB, ALICE, client_msg_id="new"),
        draft(CAROL, DAVE, client_msg_id="new"),
        draft(ALICE, BOB),
    )
    assert told(answers) == ["2", Code.NOT_FRIENDS, Code.CLIENT_MSG_ID_REUSED, "3", Code.NOT_FRIENDS, "4"]
    assert [row.seq for row in messages()] == [1, 2, 3, 4]


def test_a_key_refused_in_the_same_batch_is_still_free(pair: str) -> None:
    refused, sent = store(draft(ALICE, CAROL, client_msg_id="k"), draft(ALICE, BOB, client_msg_id="k"))
    assert isinstance(refused, Refused)
    assert told([sent]) == ["1"]


def test_a_refused_message_leaves_no_head(pair: str) -> None:
    store(draft(ALICE, CAROL))
    assert read(lambda session: session.scalars(select(Head)).all()) == []


def test_a_repeat_is_answered_when_they_are_friends_no_longer(pair: str) -> None:
    store(draft(ALICE, BOB, client_msg_id="k"))
    write(lambda session, _: session.execute(delete(Friend)))
    answers = store(
        draft(ALICE, BOB, client_msg_id="k"), draft(ALICE, BOB, "x", client_msg_id="k"), draft(ALICE, BOB, "new")
    )
    assert told(answers) == ["1*", Code.CLIENT_MSG_ID_REUSED, Code.NOT_FRIENDS]


def test_a_repeat_answers_with_the_message_as_it_now_stands(pair: str) -> None:
    message = stored(ALICE, BOB, client_msg_id="k")
    set_message(message, status=4)
    again = only(store(draft(ALICE, BOB, client_msg_id="k"))).message
    assert again["status"] == 4
    assert again["content"] != message["content"]


@pytest.mark.parametrize("changed", [{"content": "edited"}, {"content": "", "extra": None}, {"extra": '{"a":2}'}])
def test_a_retry_is_compared_with_what_was_sent_not_with_what_became_of_it(pair: str, changed: dict[str, Any]) -> None:
    sent = {"extra": '{"a":1}', "client_msg_id": "k"}
    set_message(stored(ALICE, BOB, "one", **sent), **changed)
    now = messages()[0]
    answers = store(
        draft(ALICE, BOB, "one", **sent),
        draft(ALICE, BOB, "two", **sent),
        draft(ALICE, BOB, now.content, extra=now.extra, client_msg_id="k"),
    )
    assert told(answers) == ["1*", Code.CLIENT_MSG_ID_REUSED, Code.CLIENT_MSG_ID_REUSED]
    assert isinstance(answers[0], Sent)
    assert answers[0].message["content"] == now.content


def test_a_message_stored_before_there_were_hashes_is_compared_by_its_body(pair: str) -> None:
    set_message(stored(ALICE, BOB, "one", client_msg_id="k"), body_hash=None)
    answers = store(*(draft(ALICE, BOB, text, client_msg_id="k") for text in ("one", "two")))
    assert told(answers) == ["1*", Code.CLIENT_MSG_ID_REUSED]


def test_every_stored_message_has_its_event(pair: str) -> None:
    befriend(ALICE, CAROL)
    answers = store(draft(ALICE, BOB), draft(ALICE, CAROL), draft(ALICE, DAVE), draft(BOB, ALICE))
    sent = [answer for answer in answers if isinstance(answer, Sent)]
    found = [(event.conversation_id, event.message_id, event.shard, event.kind, event.applied) for event in events()]
    assert found == [(each.message["conversation_id"], each.message["id"], each.shard, 1, False) for each in sent]
    assert [each.shard for each in sent] == [shard_of(name, 16) for name in ("1_2", "1_3", "1_2")]


@pytest.mark.parametrize("returning", [True, False], ids=["as it is", "as on MySQL"])
def test_every_message_of_a_batch_gets_its_own_id(
    pair: str, monkeypatch: pytest.MonkeyPatch, *, returning: bool
) -> None:
    if not returning:
        monkeypatch.setattr(engine().dialect, "insert_returning", False)
    befriend(ALICE, CAROL)
    answers = store(*(draft(ALICE, user, f"{user} {number}") for number in range(40) for user in (BOB, CAROL)))
    ids = read(lambda session: dict(session.execute(select(Message.id, Message.content)).all()))
    assert {answer.message["id"]: answer.message["content"] for answer in answers if isinstance(answer, Sent)} == ids
    assert len(ids) == 80


def test_an_event_goes_to_the_shard_that_the_head_names(pair: str) -> None:
    write(lambda session, _: session.add(Head(conversation_id=pair, shard=99, last_seq=5, change_seq=8)))
    answer = only(store(draft(ALICE, BOB)))
    assert (answer.shard, answer.message["seq"], answer.message["change_seq"]) == (99, 6, 9)
    assert [event.shard for event in events()] == [99]


def test_a_changed_number_of_shards_moves_only_new_conversations(pair: str, monkeypatch: pytest.MonkeyPatch) -> None:
    befriend(ALICE, CAROL)
    first = only(store(draft(ALICE, BOB))).shard
    monkeypatch.setenv("OUTBOX_SHARDS", "1")
    settings.cache_clear()
    assert [only(store(draft(ALICE, user))).shard for user in (BOB, CAROL)] == [first, 0]


def test_times_are_the_databases(pair: str) -> None:
    stored(ALICE, BOB)
    (row,) = messages()
    assert row.create_time == row.update_time == events()[0].create_time
    assert row.create_time.microsecond == 0
