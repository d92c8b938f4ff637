"""Tests who may read an upload: by which messages, in which conversations, and until when."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from db.blob import Blob
from db.conversation import Conversation
from db.flight import fly
from db.media import Media
from db.media_use import MediaUse
from db.message import Message
from db.session import write
from messaging import media_rights
from messaging.status import Status
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE, hide, read, set_message

PHOTO = "0f" * 16
NOW = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
EVERYBODY = {ALICE, BOB, CAROL, DAVE}
Pair = tuple[int, int]


def upload(media_id: str = PHOTO, user_id: int = ALICE, *, sent: bool = False) -> None:
    """Store an upload of Alice's that no message carries."""
    blob = {"sha256": bytes.fromhex(media_id) * 2, "size": 7, "name": media_id, "create_time": NOW}

    def rule(session: Any, _now: datetime) -> None:
        blob_id = session.execute(insert(Blob).values(blob)).inserted_primary_key[0]
        values = {"user_id": user_id, "kind": 2, "blob_id": blob_id, "content_type": "image/png", "create_time": NOW}
        session.execute(insert(Media).values(id=media_id, sent=sent, unused_since=NOW, **values))

    write(rule)


def carry(message_id: int, pair: Pair = (0, 0), group: str = "", seq: int = 1, media_id: str = PHOTO) -> None:
    """Have a message carry the upload, as a send does."""
    name = group or f"{pair[0]}_{pair[1]}"
    use = {"media_id": media_id, "message_id": message_id, "conversation_id": name, "seq": seq}
    use |= {"low_id": pair[0], "high_id": pair[1]}
    message = {"id": message_id, "conversation_id": name, "seq": message_id, "change_seq": message_id, "content": ""}
    message |= {"from_user_id": pair[0], "to_user_id": pair[1], "message_type": 2, "create_time": NOW}
    write(lambda session, _: session.execute(insert(Message).values(message | {"update_time": NOW})))
    write(lambda session, _: session.execute(insert(MediaUse).values(use)))
    write(lambda session, _: session.execute(update(Media).values(sent=True, unused_since=None)))


def withdraw(message_id: int) -> None:
    """Have a message no longer carry it, as recall does."""
    write(lambda session, _: session.execute(delete(MediaUse).where(MediaUse.message_id == message_id)))


def belong(user_id: int, first_seq: int, upto_seq: int | None, group: str = "group_7") -> None:
    """Make a user's row of a group."""
    row = {"conversation_id": group, "user_id": user_id, "friend_id": 0, "conversation_type": 2}
    row |= {"first_seq": first_seq, "upto_seq": upto_seq, "create_time": NOW, "update_time": NOW}
    write(lambda session, _: session.execute(insert(Conversation).values(row)))


def readers(media_id: str = PHOTO) -> set[int]:
    """Returns who may read it, asked for each alone and for all at once, which must agree."""
    alone = {
        user
        for user in EVERYBODY
        if read(lambda session, user=user: media_rights.readable(session, user_id=user, media_id=media_id))
    }
    pairs = [(user, media_id) for user in EVERYBODY]
    calls = media_rights.asking(pairs)
    together = media_rights.told(pairs, read(lambda session: fly(session, *calls)))
    assert {user for user, _ in together} == alone
    assert all(row.id == media_id for row in together.values())
    return alone


def signed(media_id: str = PHOTO) -> bool:
    """Returns whether a signed address is good."""
    return read(lambda session: media_rights.reachable(session, media_id=media_id)) is not None


@pytest.mark.usefixtures("any_database")
class TestRights:
    def test_an_upload_is_its_uploaders_until_a_message_has_carried_it(self) -> None:
        upload()
        assert (readers(), signed()) == ({ALICE}, True)
        carry(1, (BOB, CAROL))  # a copy of a copy: Alice is not in it
        assert (readers(), signed()) == ({BOB, CAROL}, True)

    def test_an_unknown_one_is_nobodys(self) -> None:
        upload()
        assert (readers("ab" * 16), signed("ab" * 16)) == (set(), False)
        assert (readers(PHOTO.upper()), signed(PHOTO.upper())) == (set(), False)
        assert (readers(PHOTO + " "), signed(PHOTO + " ")) == (set(), False)

    def test_recall_ends_it_for_all_at_once(self) -> None:
        upload()
        carry(1, (ALICE, BOB))
        assert readers() == {ALICE, BOB}
        withdraw(1)
        assert (readers(), signed()) == (set(), False)

    @pytest.mark.parametrize("status", [Status.RECALLED, Status.DELETED])
    def test_a_message_that_was_withdrawn_gives_no_right_whoever_withdrew_it(self, status: Status) -> None:
        """A process of 0.4.0 withdraws a message and leaves its use."""
        upload()
        belong(DAVE, 1, None)
        carry(1, (ALICE, BOB))
        carry(2, group="group_7")
        set_message({"id": 1}, status=status)
        assert (readers(), signed()) == ({DAVE}, True)
        set_message({"id": 2}, status=status)
        assert (readers(), signed()) == (set(), False)

    def test_another_message_that_carries_it_keeps_it_for_those_who_see_that_one(self) -> None:
        upload()
        carry(1, (ALICE, BOB))
        carry(2, (BOB, DAVE))
        withdraw(1)
        assert (readers(), signed()) == ({BOB, DAVE}, True)

    def test_whoever_hides_the_message_alone_loses_it(self) -> None:
        upload()
        carry(1, (ALICE, BOB))
        carry(2, (BOB, CAROL))
        hide(ALICE, {"id": 1})
        hide(BOB, {"id": 1})
        assert readers() == {BOB, CAROL}
        hide(BOB, {"id": 2})
        assert (readers(), signed()) == ({CAROL}, True)

    @pytest.mark.parametrize(
        ("first", "upto", "sees"),
        [(1, None, True), (5, None, True), (6, None, False), (1, 5, True), (1, 4, False), (5, 5, True)],
    )
    def test_a_member_of_a_group_sees_what_lies_in_their_range(self, first: int, upto: int | None, sees: bool) -> None:
        upload()
        belong(BOB, first, upto)
        belong(CAROL, 1, None, "group_70")
        carry(1, group="group_7", seq=5)
        assert readers() == ({BOB} if sees else set())
        assert signed()

    def test_a_member_who_hides_a_message_of_a_group_loses_it(self) -> None:
        upload()
        belong(ALICE, 1, None)
        belong(BOB, 1, None)
        carry(1, group="group_7")
        hide(BOB, {"id": 1})
        assert readers() == {ALICE}

    def test_another_upload_gives_no_right(self) -> None:
        other = "1e" * 16
        upload()
        upload(other, BOB)
        carry(1, (ALICE, BOB))
        assert (readers(), readers(other)) == ({ALICE, BOB}, set())  # `carry` has marked both as sent
