"""Tests of uploads in groups: who may send on what they see there, and until when."""

from typing import Any

import pytest

from db.session import write
from messaging.conversation_id import group
from messaging.delete import delete_for_everyone, delete_for_oneself
from messaging.errors import Code, Refused
from messaging.recall import recall
from messaging.send import Sent
from tests.groups import changed, made
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE, befriend, draft, nothing_drifts, store
from tests.messaging.uploads import carrying, is_used, picture, upload, uses


@pytest.fixture
def group_id(any_database: str) -> int:
    """Make a group that Alice owns, with Bob and Carol, on both databases. Dave is Bob's friend. Returns its id."""
    befriend(BOB, DAVE)
    befriend(CAROL, DAVE)
    return made(ALICE, BOB, CAROL)


def shows(group_id: int, user: int, media_id: str) -> dict[str, Any]:
    """Send an upload to the group. Returns the Message."""
    (answer,) = store(draft(user, 0, group_id=group_id, **carrying(media_id)))
    assert isinstance(answer, Sent), answer
    return answer.message


def sends_on(user: int, media_id: str) -> Code | None:
    """Returns with which code sending it on to Dave is refused, None when it is stored."""
    (answer,) = store(picture(user, DAVE, media_id))
    return answer.code if isinstance(answer, Refused) else None


def test_a_message_to_a_group_carries_an_upload(group_id: int) -> None:
    media_id = upload(BOB, width=3)
    message = shows(group_id, BOB, media_id)
    assert message["extra"] == {"media_id": media_id, "width": 3}
    assert uses(media_id) == [(message["id"], group(group_id), 2, 0, 0)]
    assert is_used(media_id)
    assert sends_on(CAROL, media_id) is None
    nothing_drifts(group(group_id))


def test_a_newcomer_and_one_who_left_send_on_what_they_see(group_id: int) -> None:
    before, meanwhile, after = upload(BOB), upload(BOB), upload(BOB)
    shows(group_id, BOB, before)
    changed(group(group_id), ALICE, came=(DAVE,), went=(CAROL,))
    shows(group_id, BOB, meanwhile)
    befriend(ALICE, DAVE)
    assert [sends_on(CAROL, each) for each in (before, meanwhile)] == [None, Code.NO_SUCH_MEDIA]
    (first, second) = store(picture(DAVE, ALICE, after), picture(DAVE, ALICE, meanwhile))
    assert isinstance(first, Refused)
    assert first.code is Code.NO_SUCH_MEDIA
    assert isinstance(second, Sent)


def test_what_one_may_not_send_to_a_group_is_not_carried(group_id: int) -> None:
    media_id = upload(DAVE)
    (answer,) = store(draft(DAVE, 0, group_id=group_id, **carrying(media_id)))
    assert isinstance(answer, Refused)
    assert (uses(media_id), is_used(media_id)) == ([], False)


@pytest.mark.parametrize("rule", [recall, delete_for_everyone])
def test_the_owner_takes_a_members_picture_back(group_id: int, rule: Any) -> None:
    media_id = upload(BOB)
    message = shows(group_id, BOB, media_id)
    write(rule, user_id=ALICE, message_id=message["id"])
    assert (uses(media_id), is_used(media_id)) == ([], False)
    assert sends_on(CAROL, media_id) is Code.NO_SUCH_MEDIA
    nothing_drifts(group(group_id))


def test_hiding_ends_ones_own_right_alone(group_id: int) -> None:
    media_id = upload(ALICE)
    message = shows(group_id, ALICE, media_id)
    write(delete_for_oneself, user_id=BOB, message_id=message["id"])
    assert [sends_on(user, media_id) for user in (BOB, CAROL)] == [Code.NO_SUCH_MEDIA, None]
    assert is_used(media_id)
