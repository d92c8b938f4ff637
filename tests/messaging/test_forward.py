"""Tests of what a user may forward, of the copies that this makes, and of a repeat after the originals are gone."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from messaging.conversation_id import group
from messaging.errors import Code, Refused
from messaging.forward import MAX_BYTES, Copies, Target, copies
from messaging.send import Sent
from messaging.status import Status
from tests.groups import changed, made, said
from tests.messaging import conftest
from tests.messaging.conftest import ALICE, BOB, CAROL, befriend, hide, refusal, set_message, store, stored

TO_BOB, TO_CAROL = Target(BOB, 0), Target(CAROL, 0)
Message = dict[str, Any]


def forwarding(user_id: int, *messages: Message, to: tuple[Target, ...] = (TO_BOB,), key: str | None = None) -> Copies:
    """Returns the copies that a user would send."""
    ids = [message["id"] for message in messages]
    return conftest.read(
        lambda session: copies(session, None, user_id=user_id, message_ids=ids, targets=to, client_msg_id=key)  # type: ignore[arg-type]
    )


def forwarded(user_id: int, *messages: Message, **fields: Any) -> list[Message]:
    """Send the copies in one batch. Returns them as they are stored."""
    answers = store(*forwarding(user_id, *messages, **fields).drafts)
    assert all(isinstance(answer, Sent) for answer in answers), answers
    return [answer.message for answer in answers if isinstance(answer, Sent)]


def test_copies_come_in_order_to_one_target_after_the_other(pair: str) -> None:
    befriend(ALICE, CAROL)
    one, two = stored(BOB, ALICE, "one"), stored(ALICE, BOB, "two", extra='{"a":1}')
    to = (TO_CAROL, Target(0, 7))
    drafts = forwarding(ALICE, two, one, to=to, key="k").drafts
    assert [(each.to_user_id, each.group_id, each.content) for each in drafts] == [
        *((CAROL, 0, "two"), (CAROL, 0, "one")),
        *((0, 7, "two"), (0, 7, "one")),
    ]
    assert [each.client_msg_id for each in drafts] == ["k.0", "k.1", "k.2", "k.3"]
    assert {each.client_msg_id for each in forwarding(ALICE, two, one, to=to).drafts} == {None}
    assert [orjson.loads(each.extra or "") for each in drafts[:2]] == [
        {"a": 1, "forwarded_from": {"user_id": ALICE, "message_id": two["id"]}},
        {"forwarded_from": {"user_id": BOB, "message_id": one["id"]}},
    ]


def test_a_copy_of_a_copy_names_the_first_original(pair: str) -> None:
    befriend(BOB, CAROL)
    first = stored(ALICE, BOB)
    (copy,) = forwarded(BOB, first, to=(TO_CAROL,))
    (again,) = forwarding(CAROL, copy).drafts
    assert orjson.loads(again.extra or "")["forwarded_from"] == {"user_id": ALICE, "message_id": first["id"]}


def between_others() -> Message:
    befriend(BOB, CAROL)
    return stored(BOB, CAROL)


def of_a_strange_group() -> Message:
    return said(group(made(BOB, CAROL)), BOB, "x")[0]


def from_before_they_came() -> Message:
    name = group(made(BOB, CAROL))
    (before,) = said(name, BOB, "x")
    changed(name, BOB, came=(ALICE,))
    return before


def from_after_they_left() -> Message:
    name = group(made(BOB, ALICE))
    changed(name, BOB, went=(ALICE,))
    return said(name, BOB, "x")[0]


def hidden() -> Message:
    message = stored(BOB, ALICE)
    hide(ALICE, message)
    return message


def of_status(status: Status) -> Callable[[], Message]:
    def make() -> Message:
        message = stored(ALICE, BOB)
        set_message(message, status=status)
        return message

    return make


UNSEEN: dict[str, Callable[[], Message]] = {
    "there is none": lambda: {"id": 10**9},
    "between others": between_others,
    "of a strange group": of_a_strange_group,
    "from before they came": from_before_they_came,
    "from after they left": from_after_they_left,
    "hidden": hidden,
    "recalled": of_status(Status.RECALLED),
    "deleted": of_status(Status.DELETED),
}


@pytest.mark.parametrize("name", UNSEEN)
def test_what_the_user_cannot_see_refuses_the_whole(pair: str, name: str) -> None:
    seen, unseen = stored(BOB, ALICE), UNSEEN[name]()
    assert refusal(lambda: forwarding(ALICE, seen, unseen, key="k")) is Code.NO_SUCH_MESSAGE
    assert refusal(lambda: forwarding(ALICE, unseen)) is Code.NO_SUCH_MESSAGE
    assert len(forwarding(ALICE, seen).drafts) == 1


def test_who_has_left_forwards_what_they_still_see(pair: str) -> None:
    name = group(made(BOB, ALICE, CAROL))
    (message,) = said(name, BOB, "x")
    changed(name, BOB, went=(ALICE,))
    hide(CAROL, message)
    assert forwarding(ALICE, message).drafts[0].content == "x"
    assert refusal(lambda: forwarding(CAROL, message)) is Code.NO_SUCH_MESSAGE


def test_a_message_of_the_system_is_not_forwarded(pair: str) -> None:
    message = changed(group(made(ALICE, BOB)), ALICE, came=(CAROL,))
    assert refusal(lambda: forwarding(ALICE, stored(ALICE, BOB), message)) is Code.MESSAGE_TYPE


def test_each_is_named_once_and_nobody_is_their_own_target(pair: str) -> None:
    message = stored(ALICE, BOB)
    wrong: list[tuple[str, list[Message], tuple[Target, ...]]] = [
        ("message_ids", [message, message], (TO_BOB,)),
        ("to", [message], (TO_BOB, TO_CAROL, TO_BOB)),
        ("to", [message], (TO_BOB, Target(ALICE, 0))),
    ]
    for field, messages, to in wrong:
        with pytest.raises(Refused) as caught:
            forwarding(ALICE, *messages, to=to)
        assert (caught.value.code, list(caught.value.fields or {})) == (Code.INVALID, [field])


def test_the_copies_are_bounded_in_bytes(pair: str) -> None:
    message = stored(ALICE, BOB, "好" * 5_000, extra='{"a":"%s"}' % ("x" * 8_000))
    most = MAX_BYTES // 23_100
    to = tuple(Target(0, number) for number in range(1, most + 5))
    assert len(forwarding(ALICE, message, to=to[:most]).drafts) == most
    assert refusal(lambda: forwarding(ALICE, message, to=to)) is Code.TOO_LARGE


@pytest.mark.parametrize("status", [Status.RECALLED, Status.DELETED])
def test_a_repeat_is_answered_as_before_when_the_originals_are_gone(pair: str, status: Status) -> None:
    befriend(ALICE, CAROL)
    one, two = stored(BOB, ALICE, "one"), stored(BOB, ALICE, "two")
    to = (TO_BOB, TO_CAROL)
    before = forwarded(ALICE, one, two, to=to, key="k")
    set_message(one, status=status)
    answers = forwarding(ALICE, one, two, to=to, key="k").answers
    assert answers == [Sent(message, duplicate=True, shard=None) for message in before]
    assert refusal(lambda: forwarding(ALICE, one, two, to=to)) is Code.NO_SUCH_MESSAGE
    assert refusal(lambda: forwarding(ALICE, one, two, to=to, key="another")) is Code.NO_SUCH_MESSAGE
    assert refusal(lambda: forwarding(BOB, one, two, to=(Target(ALICE, 0), TO_CAROL), key="k")) is Code.NO_SUCH_MESSAGE


def test_a_repeat_cannot_make_up_for_what_was_not_stored_and_has_gone(pair: str) -> None:
    one, two = stored(BOB, ALICE, "one"), stored(BOB, ALICE, "two")
    forwarded(ALICE, one, two, key="k")
    set_message(one, status=Status.RECALLED)
    befriend(ALICE, CAROL)
    answers = forwarding(ALICE, one, two, to=(TO_BOB, TO_CAROL), key="k").answers or []
    assert [type(answer) for answer in answers] == [Sent, Sent, Refused, Refused]
    assert refusal(lambda: forwarding(ALICE, two, one, key="k")) is Code.NO_SUCH_MESSAGE, "another forward"


def test_the_number_of_messages_and_conversations_costs_no_statements(pair: str, statements: list[str]) -> None:
    messages = [stored(BOB, ALICE) for _ in range(10)]
    for _ in range(10):
        messages += said(group(made(BOB, ALICE)), BOB, "x")
    to = tuple(Target(0, number) for number in range(1, 21))
    statements.clear()
    assert len(forwarding(ALICE, *messages, to=to, key="k").drafts) == 400
    asked = [each for each in statements if "im_" in each]
    assert len(asked) == 3, asked
