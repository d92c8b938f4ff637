"""Tests of what is published of a group: one note a message on its channel, whoever is in it."""

from typing import Any

import pytest

from infra import trace
from messaging.conversation_id import group
from messaging.events import GroupAnnouncement, GroupRead
from messaging.replies import Originals
from tests.groups import changed, made, said
from tests.messaging.conftest import ALICE, BOB, CAROL, drain, view
from tests.workers.conftest import Channels
from workers import delivered as tasks
from workers.batches import announce

DAVE, ERIN = 4, 5


@pytest.fixture
def name(channels: Channels) -> str:
    """Make a group of Alice, Bob and Carol. Returns the id of its conversation."""
    return group(made(ALICE, BOB, CAROL))


def notes(channels: Channels) -> list[tuple[str, dict[str, Any], list[Any]]]:
    """Returns what was published since the last call: channel, header and frames."""
    return [(channel, header, frames) for channel, (header, *frames) in channels.notes()]


@pytest.mark.parametrize("members", [3, 300])
def test_a_message_is_one_note_however_many_there_are(channels: Channels, members: int) -> None:
    name = group(made(ALICE, *range(2, members + 1)))
    request_id = trace.enter("a test")
    (message,) = said(name, BOB, "hello")
    drain(announce)
    ((channel, header, frames),) = notes(channels)
    message_id, parent = header.pop("traced")
    assert (message_id, parent[3:35]) == (message["id"], request_id), "by which the relays' logs tell of it"
    assert channel == f"im:{name.replace('_', ':')}"
    assert header == {
        "kind": "group_message",
        "v": 1,
        "conversation_id": name,
        "seq": 2,
        "from_user_id": BOB,
        "membership": False,
        "went": [],
    }
    assert frames == [{"type": "new_message", "content": message}]


def test_who_has_come_is_told_on_their_own_channel_too(name: str, channels: Channels) -> None:
    message = changed(name, ALICE, came=(DAVE, ERIN))
    drain(announce)
    to_group, *to_users = notes(channels)
    assert (to_group[1]["kind"], to_group[1]["membership"], to_group[1]["went"]) == ("group_message", True, [])
    for user in (DAVE, ERIN):
        joined, told = (note for note in to_users if note[0] == f"im:user:{user}")
        assert joined[1:] == ({"kind": "joined", "v": 1, "conversation_id": name}, [])
        assert (told[1]["kind"], told[1]["seq"]) == ("message", 2)
        assert told[2] == to_group[2] == [{"type": "new_message", "content": message}]
    assert len(to_users) == 4


def test_who_has_gone_is_named_to_the_group(name: str, channels: Channels) -> None:
    changed(name, ALICE, went=(BOB, CAROL))
    drain(announce)
    ((_, header, _),) = notes(channels)
    assert (header["membership"], header["went"]) == (True, [BOB, CAROL])


def test_a_withdrawal_is_one_note_that_names_the_message(name: str, channels: Channels) -> None:
    content = {"conversation_id": name, "seq": 7, "from_user_id": BOB}
    announce([GroupAnnouncement("message_recalled", content, only=(CAROL,))])
    ((channel, header, frames),) = notes(channels)
    assert channel.startswith("im:group:")
    assert header == {"kind": "group_frame", "v": 1, "conversation_id": name, "seq": 7, "only": [CAROL], "blind": []}
    assert frames == [{"type": "message_recalled", "content": content}]


def test_reading_is_told_to_authors_on_the_groups_channel_as_one_may_be_in_it_no_more(
    name: str, channels: Channels
) -> None:
    reading = GroupRead(conversation_id=name, change_seq=0, user_id=BOB, read_seq=7, origin="abc", authors=(CAROL,))
    announce(reading.tell((), None, set(), Originals()))
    to_reader, to_authors = notes(channels)
    assert to_reader[:2] == (f"im:user:{BOB}", {"kind": "frame", "v": 1, "origin": "abc"})
    assert to_authors[0].startswith("im:group:")
    assert to_authors[1] == {
        "kind": "group_frame",
        "v": 1,
        "conversation_id": name,
        "seq": 7,
        "only": [CAROL],
        "blind": [],
    }
    assert to_authors[2] == to_reader[2]


def test_proofs_are_stored_and_confirmed_and_told_to_no_author(name: str, channels: Channels) -> None:
    said(name, ALICE, "hello")
    proofs = [(BOB, name, 0, 2), (CAROL, name, 1, 2), (DAVE, name, 0, 2)]
    tasks.store_proofs("relay", proofs)
    assert [view(user, name).delivered_seq for user in (BOB, CAROL)] == [2, 0]
    ((channel, header, _),) = notes(channels)
    assert (channel, header["proofs"]) == ("im:relay:relay", [list(proof) for proof in proofs])
