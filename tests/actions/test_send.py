"""Tests that a draft is stored, published fast and its shard poked, unless its caller has gone, and what is counted."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from prometheus_client import REGISTRY

from actions import send
from actions.send import TooLate, submit
from infra.settings import settings
from infra.trace import Traced
from messaging.conversation_id import group
from messaging.errors import Code
from tests.groups import changed, made
from tests.messaging.conftest import ALICE, BOB, CAROL, draft, events, messages, pair, refusal  # noqa: F401 - a fixture
from tests.processes import PATIENCE

Fast = list[tuple[dict[str, Any], int, None, Traced]]  # each with the seq of its group's last change of members


@pytest.fixture
def poked(pair: str, monkeypatch: pytest.MonkeyPatch) -> list[int | None]:  # noqa: F811
    """Returns a list that collects the poked shards. The poker's own tests check that Redis gets them."""
    shards: list[int | None] = []
    monkeypatch.setattr(send, "poke", shards.append)
    return shards


@pytest.fixture
def fast(pair: str, monkeypatch: pytest.MonkeyPatch) -> Fast:  # noqa: F811
    """Returns a list that collects what is handed to the fast path, which has tests of its own."""
    handed_over: Fast = []
    monkeypatch.setattr(send, "publish_fast", lambda *handed: handed_over.append(handed))
    return handed_over


def counted(outcome: str) -> float:
    """Returns how many sends of this process had the given outcome."""
    return REGISTRY.get_sample_value("im_sends_total", {"outcome": outcome}) or 0.0


def test_what_is_stored_is_poked_and_counted(poked: list[int | None]) -> None:
    before = counted("stored")
    sent = submit(draft(ALICE, BOB))
    (event,) = events()
    assert (sent.duplicate, sent.message["seq"], poked) == (False, 1, [event.shard])
    assert counted("stored") == before + 1


def test_a_repeat_is_answered_again_and_pokes_no_shard(poked: list[int | None]) -> None:
    before = counted("duplicate")
    sent = [submit(draft(ALICE, BOB, client_msg_id="k")) for _ in range(2)]
    assert [each.duplicate for each in sent] == [False, True]
    assert sent[0].message == sent[1].message
    assert (poked[1], counted("duplicate")) == (None, before + 1)


def test_the_fast_path_gets_what_is_stored_and_no_repeat_of_it(poked: list[int | None], fast: Fast) -> None:
    sent = submit(draft(ALICE, BOB, client_msg_id="k"))
    assert fast == [(sent.message, 0, None, Traced(sent.message["id"], None))]
    submit(draft(ALICE, BOB, client_msg_id="k"))
    assert refusal(lambda: submit(draft(ALICE, CAROL))) is Code.NOT_FRIENDS
    with pytest.raises(TooLate):
        submit(draft(ALICE, BOB), too_late=lambda: True)
    assert fast == [(sent.message, 0, None, Traced(sent.message["id"], None))]


def test_the_fast_path_gets_a_groups_message_with_what_names_its_members(poked: list[int | None], fast: Fast) -> None:
    group_id = made(ALICE, BOB)
    changed(group(group_id), ALICE, came=(CAROL,))
    sent = submit(draft(CAROL, 0, group_id=group_id))
    assert (sent.message["seq"], fast) == (3, [(sent.message, 2, None, Traced(sent.message["id"], None))])


def test_the_fast_path_can_be_switched_off(
    poked: list[int | None], fast: Fast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAST_PUBLISH", "0")
    settings.cache_clear()
    submit(draft(ALICE, BOB))
    assert (len(poked), fast) == (1, [])


def test_a_refusal_is_told_and_counted(poked: list[int | None]) -> None:
    before = counted("refused")
    assert refusal(lambda: submit(draft(ALICE, CAROL))) is Code.NOT_FRIENDS
    assert (messages(), poked, counted("refused")) == ([], [], before + 1)


def test_nothing_is_stored_for_a_caller_who_has_gone(poked: list[int | None]) -> None:
    before = counted("too_late")
    with pytest.raises(TooLate):
        submit(draft(ALICE, BOB), gone=lambda: True)
    assert (messages(), poked, counted("too_late")) == ([], [], before + 1)


def test_who_stops_waiting_before_commit_takes_nobody_else_along(poked: list[int | None]) -> None:
    """The first send holds up the group while the others ask, so that they may share a transaction."""
    entered, go = threading.Event(), threading.Event()

    def holds_up() -> bool:
        entered.set()
        go.wait(PATIENCE)
        return False

    questions = iter([False])  # the caller is there at its turn, and gone before COMMIT

    with ThreadPoolExecutor(3) as callers:
        first = callers.submit(submit, draft(BOB, ALICE, "first"), gone=holds_up)
        assert entered.wait(PATIENCE)
        late = callers.submit(submit, draft(ALICE, BOB, "late"), too_late=lambda: next(questions, True))
        other = callers.submit(submit, draft(ALICE, BOB, "other"))
        go.set()
        assert first.result(PATIENCE).message["content"] == "first"
        with pytest.raises(TooLate):
            late.result(PATIENCE)
        assert other.result(PATIENCE).message["content"] == "other"
    assert sorted(message.content for message in messages()) == ["first", "other"]
