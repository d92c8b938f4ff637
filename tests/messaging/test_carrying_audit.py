"""Tests that the auditor finds uploads whose rows contradict the messages, and repairs them."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from db import session as database
from db.media import Media
from db.media_use import MediaUse
from db.session import write
from messaging.audit import audit, looks_wrong
from messaging.delete import delete_for_everyone
from messaging.drift import WHOLE, Part
from messaging.recall import recall
from tests.messaging.conftest import (
    ALICE,
    BOB,
    CAROL,
    befriend,
    drain,
    messages,
    nothing_drifts,
    set_message,
    store,
    stored,
)
from tests.messaging.uploads import is_used, picture, upload, uses

LONG_AGO = datetime(2020, 1, 1)  # noqa: DTZ001 - as in the database


def found(*, repair: bool = False) -> list[str]:
    """Returns what an audit finds, in short."""
    return [each.what for each in write(audit, conversation_id="1_2", repair=repair).drift]


def is_repaired(*what: str) -> None:
    """Fails unless just this is found until it is repaired, and then no more."""
    assert database.read(looks_wrong, conversation_id="1_2", part=WHOLE)
    assert found() == list(what)
    assert found() == list(what), "looking repairs nothing"
    assert found(repair=True) == list(what)
    nothing_drifts()
    assert not database.read(looks_wrong, conversation_id="1_2", part=WHOLE)


@pytest.fixture
def sent(pair: str) -> tuple[str, str]:
    """Send an upload twice, recall the second message and one with another upload. Returns the ids of both uploads."""
    one, other = upload(), upload()
    store(picture(ALICE, BOB, one), picture(ALICE, BOB, one), picture(ALICE, BOB, other))
    stored(ALICE, BOB)
    for message in messages()[1:3]:
        write(recall, user_id=ALICE, message_id=message.id)
    drain()
    nothing_drifts()
    return one, other


def is_sent(media_id: str) -> bool:
    return bool(database.read(lambda session, _: session.get_one(Media, media_id).sent))


def change(statement: Any) -> None:
    """Execute a statement by hand."""
    write(lambda session, _: session.execute(statement))


def use(media_id: str, message_id: int, **changed: Any) -> dict[str, Any]:
    row = {"media_id": media_id, "message_id": message_id, "conversation_id": "1_2", "seq": message_id}
    return row | {"low_id": ALICE, "high_id": BOB} | changed


def test_a_message_that_carries_nothing(sent: tuple[str, str]) -> None:
    change(delete(MediaUse))
    is_repaired("media uses")
    assert uses(sent[0]) == [(1, "1_2", 1, ALICE, BOB)]


def of_before(from_user_id: int, to_user_id: int, media_id: str, message_type: int = 2) -> dict[str, Any]:
    """Store a message as a process of 0.4.0 does: nothing looks at what its `extra` names. Returns the Message."""
    text = f'{{"media_id":"{media_id}"}}'
    return stored(from_user_id, to_user_id, "", message_type=message_type, extra=text)


def test_a_message_of_0_4_0_carries_what_its_sender_has_uploaded_or_can_read(pair: str) -> None:
    befriend(BOB, CAROL)
    one = upload()
    message = of_before(ALICE, BOB, one)
    drain()
    is_repaired("media uses", "media")
    assert uses(one) == [(message["id"], "1_2", 1, ALICE, BOB)]
    copy = of_before(BOB, CAROL, one)
    drain()
    assert [each.what for each in write(audit, conversation_id="2_3", repair=True).drift] == ["media uses"]
    assert uses(one)[1:] == [(copy["id"], "2_3", 1, BOB, CAROL)]
    nothing_drifts("2_3")


@pytest.mark.parametrize("message_type", [2, 5])
def test_a_message_of_0_4_0_carries_nothing_of_others(pair: str, message_type: int) -> None:
    one = upload()
    for status in (1, 4):
        message = of_before(BOB, ALICE, one, message_type)
        set_message(message, status=status)
    of_before(BOB, ALICE, "f" * 32, message_type)
    drain()
    nothing_drifts()
    assert found(repair=True) == []
    assert (uses(one), is_sent(one)) == ([], False), "its uploader can still read it"


def test_a_message_of_0_4_0_of_another_kind_carries_nothing(pair: str) -> None:
    one = upload()
    of_before(ALICE, BOB, one, 5)
    drain()
    nothing_drifts()
    assert uses(one) == []


def test_a_message_without_use_whose_upload_waits_for_its_end(sent: tuple[str, str]) -> None:
    change(delete(MediaUse))
    change(update(Media).values(unused_since=LONG_AGO))
    is_repaired("media uses", "media")
    assert is_used(sent[0])


def test_a_withdrawn_message_that_still_carries(sent: tuple[str, str]) -> None:
    change(insert(MediaUse).values(use(sent[0], 2)))
    change(insert(MediaUse).values(use(sent[1], 3)))
    change(update(Media).where(Media.id == sent[1]).values(unused_since=None))
    is_repaired("media uses", "media uses", "media")
    assert [each[0] for each in uses(sent[0])] == [1]
    assert uses(sent[1]) == []
    assert not is_used(sent[1])


@pytest.mark.parametrize(
    "changed", [{"conversation_id": "group_7"}, {"seq": 9}, {"low_id": 3}, {"high_id": 3}, {"media_id": "f" * 32}]
)
def test_a_use_of_something_else(sent: tuple[str, str], changed: dict[str, Any]) -> None:
    change(update(MediaUse).values(changed))
    is_repaired("media uses")
    assert uses(sent[0]) == [(1, "1_2", 1, ALICE, BOB)]


@pytest.mark.parametrize(
    ("which", "columns", "used"),
    [
        (0, {"unused_since": LONG_AGO}, True),
        (0, {"sent": False}, True),
        (1, {"unused_since": None}, False),
        (1, {"sent": False}, False),
    ],
)
def test_an_upload_that_knows_nothing_of_its_messages(
    sent: tuple[str, str], which: int, columns: dict[str, Any], *, used: bool
) -> None:
    change(update(Media).where(Media.id == sent[which]).values(columns))
    is_repaired("media")
    assert is_used(sent[which]) == used


def test_an_upload_that_is_gone_is_no_matter_of_its_messages(sent: tuple[str, str]) -> None:
    """The audit of the storage finds the messages whose bytes are gone."""
    change(delete(Media))
    nothing_drifts()


def test_of_a_long_conversation_a_part_is_looked_at(sent: tuple[str, str]) -> None:
    change(delete(MediaUse))
    part = Part(most=100, place=1.0, carrying=2)
    assert not database.read(looks_wrong, conversation_id="1_2", part=part)
    assert database.read(looks_wrong, conversation_id="1_2", part=Part(most=100, place=0.0, carrying=2))


def test_a_message_that_was_deleted_by_hand(sent: tuple[str, str]) -> None:
    (message, *_) = messages()
    set_message({"id": message.id}, status=5)
    assert set(found()) >= {"media uses", "media"}
    found(repair=True)
    nothing_drifts()
    assert not is_used(sent[0])


def test_deleting_leaves_nothing_to_find(sent: tuple[str, str]) -> None:
    for message in messages():
        if message.status < 5:
            write(delete_for_everyone, user_id=BOB, message_id=message.id)
    drain()
    nothing_drifts()
    assert not is_used(sent[0])
