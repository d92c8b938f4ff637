"""Tests that copies are stored in order and in few transactions, while others go on sending, and what a repeat does."""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event

from actions import send
from actions.forward import forward
from actions.send import TooLate, submit
from db.errors import DatabaseUnavailable
from db.group_commit import MAX_BATCH
from db.session import reserved_engine
from messaging.conversation_id import group, single
from messaging.errors import Code, Refused
from messaging.forward import Target
from messaging.status import Status
from tests.groups import made
from tests.messaging.conftest import (  # noqa: F401 - a fixture
    ALICE,
    BOB,
    CAROL,
    DAVE,
    befriend,
    draft,
    messages,
    pair,
    set_message,
    store_many,
    stored,
)
from tests.processes import PATIENCE

TO_BOB, TO_CAROL, TO_DAVE = (Target(user, 0) for user in (BOB, CAROL, DAVE))
TOGETHER = MAX_BATCH // 2


@pytest.fixture(autouse=True)
def poked(pair: str, monkeypatch: pytest.MonkeyPatch) -> list[int | None]:  # noqa: F811
    """Returns a list that collects the poked shards, and lets nothing out to Redis."""
    shards: list[int | None] = []
    monkeypatch.setattr(send, "poke", shards.append)
    monkeypatch.setattr(send, "publish_fast", lambda *_: None)
    return shards


@pytest.fixture
def commits() -> Iterator[list[int]]:
    """Yields a list that grows with each COMMIT of the group commit."""
    heard: list[int] = []

    def hear(_connection: Any) -> None:
        heard.append(1)

    event.listen(reserved_engine(), "commit", hear)
    yield heard
    event.remove(reserved_engine(), "commit", hear)


def ids(sent: Sequence[dict[str, Any]]) -> list[int]:
    return [message["id"] for message in sent]


def contents(conversation_id: str) -> list[str]:
    """Returns the stored texts of a conversation, in the order of their seqs."""
    rows = [message for message in messages() if message.conversation_id == conversation_id]
    return [message.content for message in sorted(rows, key=lambda message: message.seq)]


def forward_as_alice(originals: Sequence[int], *to: Target, key: str | None = "k", **fields: Any) -> Any:
    return forward(ALICE, message_ids=originals, targets=to, client_msg_id=key, **fields)


def test_each_target_gets_all_in_order(poked: list[int | None]) -> None:
    befriend(ALICE, CAROL)
    to_group = Target(0, made(DAVE, ALICE))
    originals = [stored(BOB, ALICE, content)["id"] for content in ("one", "two", "three")]
    sent, failed = forward_as_alice(originals[::-1], TO_CAROL, to_group)
    assert failed == {}
    assert [message["content"] for message in sent] == ["three", "two", "one"] * 2
    assert contents(single(ALICE, CAROL)) == ["three", "two", "one"]
    assert contents(group(to_group.group_id)) == ["", "three", "two", "one"]
    assert [message["extra"]["forwarded_from"]["message_id"] for message in sent] == originals[::-1] * 2
    assert len(poked) == 6


def test_what_one_target_refuses_does_not_stop_the_others() -> None:
    befriend(ALICE, CAROL)
    muted, ended = made(BOB, ALICE, mute_all=True), made(BOB, ALICE, status=2)
    (original,) = [stored(BOB, ALICE)["id"]]
    strange = Target(0, 10**9)
    sent, failed = forward_as_alice([original], TO_DAVE, TO_CAROL, Target(0, muted), Target(0, ended), strange)
    assert [message["to_user_id"] for message in sent] == [CAROL]
    assert failed == {
        TO_DAVE: Code.NOT_FRIENDS,
        Target(0, muted): Code.MUTED,
        Target(0, ended): Code.GROUP_DISSOLVED,
        strange: Code.NO_SUCH_GROUP,
    }


def test_a_repeat_is_answered_as_before_and_stores_what_is_missing() -> None:
    originals = ids(store_many(BOB, ALICE, 3))
    before, failed = forward_as_alice(originals, TO_BOB, TO_CAROL)
    assert (len(before), failed) == (3, {TO_CAROL: Code.NOT_FRIENDS})
    assert forward_as_alice(originals, TO_BOB, TO_CAROL) == (before, failed)
    befriend(ALICE, CAROL)
    after, failed = forward_as_alice(originals, TO_BOB, TO_CAROL)
    assert (after[:3], len(after), failed) == (before, 6, {})
    assert len(messages()) == 9


def test_a_repeat_of_what_has_been_recalled_since_says_what_is_stored() -> None:
    originals = ids(store_many(BOB, ALICE, 2))
    before, _ = forward_as_alice(originals, TO_BOB, TO_CAROL)
    set_message({"id": originals[0]}, status=Status.RECALLED)
    befriend(ALICE, CAROL)
    assert forward_as_alice(originals, TO_BOB, TO_CAROL) == (before, {TO_CAROL: Code.NO_SUCH_MESSAGE})


def test_a_key_is_of_one_forward_and_of_no_other_send() -> None:
    originals = ids(store_many(BOB, ALICE, 2))
    submit(draft(ALICE, BOB, client_msg_id="taken.1"))
    sent, failed = forward_as_alice(originals, TO_BOB, key="taken")
    assert ([message["client_msg_id"] for message in sent], failed) == (
        ["taken.0"],
        {TO_BOB: Code.CLIENT_MSG_ID_REUSED},
    )
    with pytest.raises(Refused) as refused:
        submit(draft(ALICE, BOB, client_msg_id="taken.0"))
    assert refused.value.code is Code.CLIENT_MSG_ID_REUSED
    forward_as_alice(originals, TO_BOB)
    assert forward_as_alice(originals[::-1], TO_BOB) == ([], {TO_BOB: Code.CLIENT_MSG_ID_REUSED})


def test_without_a_key_each_forward_is_a_new_one() -> None:
    (original,) = ids(store_many(BOB, ALICE, 1))
    first, second = (forward_as_alice([original], TO_BOB, key=None)[0] for _ in range(2))
    assert first[0]["id"] != second[0]["id"]


def test_a_thousand_copies_take_tens_of_transactions(commits: list[int]) -> None:
    originals = ids(store_many(BOB, ALICE, 50))
    to = [Target(0, made(BOB, ALICE)) for _ in range(20)]
    commits.clear()
    sent, failed = forward_as_alice(originals, *to)
    assert (len(sent), failed) == (1_000, {})
    assert 0 <= len(commits) - math.ceil(1_000 / TOGETHER) <= 1, "SQLite reads over the same connection"
    seqs: dict[str, list[int]] = {}
    for message in sent:
        seqs.setdefault(message["conversation_id"], []).append(message["seq"])
    assert list(seqs) == [group(target.group_id) for target in to]
    assert all(each == list(range(2, 52)) for each in seqs.values())


def test_others_send_between_the_parts_of_a_forward() -> None:
    originals = ids(store_many(BOB, ALICE, 50))
    to = [TO_BOB, *(Target(0, made(BOB, ALICE)) for _ in range(19))]
    between: list[int] = []
    with ThreadPoolExecutor(1) as callers:
        forwarding = callers.submit(forward_as_alice, originals, *to)
        while not forwarding.done():
            between.append(submit(draft(BOB, ALICE)).message["id"])
        sent, _ = forwarding.result(PATIENCE)
    assert len([id_ for id_ in between if sent[0]["id"] < id_ < sent[-1]["id"]]) >= 3
    assert ids(sent) == sorted(ids(sent))


def test_a_caller_who_has_gone_gets_no_more_stored() -> None:
    originals = ids(store_many(BOB, ALICE, 50))
    turns = iter([False] * TOGETHER)
    with pytest.raises(TooLate):
        forward_as_alice(originals, TO_BOB, gone=lambda: next(turns, True))
    assert len(messages()) == 50 + TOGETHER
    assert len(forward_as_alice(originals, TO_BOB)[0]) == 50
    assert len(messages()) == 100, "the repeat stores the others"


def test_what_goes_wrong_in_a_part_stops_the_parts_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were they stored, the repeat would put the part that failed behind them."""
    originals = ids(store_many(BOB, ALICE, 50))
    asked: list[int] = []

    def away(pairs: Any) -> frozenset[Any]:
        asked.append(len(pairs))
        if len(asked) == 2:
            raise DatabaseUnavailable("the directory is away")
        return frozenset()

    monkeypatch.setattr(send.directory, "asked", away)
    with pytest.raises(DatabaseUnavailable):
        forward_as_alice(originals, TO_BOB, Target(0, made(BOB, ALICE)))
    assert (len(asked), len(messages())) == (2, 50 + 1 + TOGETHER)
