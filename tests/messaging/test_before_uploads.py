"""Tests that messages from before there were uploads, of types 2 to 5 and with any `extra`, harm nobody."""

from typing import Any

import orjson
import pytest

from db.session import read, write
from messaging import media_rights
from messaging.audit import audit
from messaging.conversations import conversations
from messaging.delete import delete_for_everyone
from messaging.errors import Code, Refused
from messaging.forward import Target, copies
from messaging.history import history
from messaging.recall import recall
from messaging.send import Sent
from messaging.sync import sync
from tests.messaging.conftest import ALICE, BOB, CAROL, befriend, draft, drain, nothing_drifts, store, stored
from tests.messaging.uploads import FILE, IMAGE, VIDEO, VOICE, upload, uses

OF_ALICE = "an upload of Alice's"
NOWHERE = "f" * 32
EXTRAS: list[dict[str, Any] | None] = [
    *(None, {}, {"url": "javascript:0", "width": -1, "duration": "long"}),
    *({"media_id": anything} for anything in (7, None, [NOWHERE], {"a": 1}, "7", NOWHERE.upper(), NOWHERE + "\n")),
    *({"media_id": NOWHERE}, {"media_id": OF_ALICE, "width": 3}),
    {"name": ["a"], "size": "b", "custom": 7, "mentions": {"a": 1}},
    *({"reply_to": anything} for anything in ("1", 1, [1], 2**80, None)),
    *({"forwarded_from": anything} for anything in (7, {"user_id": "a", "message_id": 0}, {"user_id": 1})),
]


def of_before(extra: dict[str, Any] | None, message_type: int) -> dict[str, Any]:
    """Send from Bob to Alice what a process of 0.4.0 stores: it looks at nothing in `extra`. Returns the Message."""
    try:
        text = None if extra is None else orjson.dumps(extra).decode()
    except TypeError:  # a number of any size
        text = str(extra).replace("'", '"')
    return stored(BOB, ALICE, "old", message_type=message_type, extra=text)


def shown(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns a message as Alice finds it: in her history, by sync, and in her list."""
    page = read(history, user_id=ALICE, conversation_id="1_2", limit=100).messages
    (found,) = read(sync, user_id=ALICE, heads={"1_2": message["seq"] - 1}, changes={}).conversations
    listed = read(conversations, user_id=ALICE, page=1, limit=9).conversations
    everywhere = [*page, *found.messages, *(each["last_message"] for each in listed)]
    return [each for each in everywhere if each["id"] == message["id"]]


@pytest.mark.parametrize("message_type", [IMAGE, VOICE, VIDEO, FILE])
@pytest.mark.parametrize("extra", EXTRAS, ids=str)
def test_they_are_read_answered_forwarded_audited_and_withdrawn(
    database: str, extra: dict[str, Any] | None, message_type: int
) -> None:
    befriend(ALICE, BOB)
    befriend(ALICE, CAROL)
    theirs = upload(ALICE, message_type)
    if extra and extra.get("media_id") == OF_ALICE:
        extra = extra | {"media_id": theirs}
    message = of_before(extra, message_type)
    drain()
    assert [each["content"] for each in shown(message)] == ["old"] * 3

    reply = stored(ALICE, BOB, reply_to=message["id"], extra=f'{{"reply_to":{message["id"]}}}')
    drain()
    assert [each["reply"]["content"] for each in shown(reply)] == ["old"] * 3

    (answer,) = store(*read(copies, user_id=BOB, message_ids=[message["id"]], targets=[Target(ALICE, 0)]).drafts[:1])
    names_an_upload = bool(extra) and extra.get("media_id") in (NOWHERE, theirs)
    if names_an_upload:
        assert isinstance(answer, Refused)
        assert answer.code == Code.NO_SUCH_MEDIA
    else:
        assert isinstance(answer, Sent)
    drain()

    nothing_drifts()
    assert write(audit, conversation_id="1_2", repair=True).drift == []
    assert uses(theirs) == []
    assert read(lambda session, _: media_rights.readable(session, user_id=BOB, media_id=theirs)) is None

    write(recall, user_id=BOB, message_id=message["id"])
    write(delete_for_everyone, user_id=BOB, message_id=message["id"])
    drain()
    nothing_drifts()
    assert read(lambda session, _: media_rights.readable(session, user_id=ALICE, media_id=theirs))


def test_they_may_also_be_sent_again_by_hand(database: str) -> None:
    """What is sent now is looked at: an id that an old message names gives no right to send it."""
    befriend(ALICE, BOB)
    theirs = upload(ALICE)
    message = of_before({"media_id": theirs}, IMAGE)
    (answer,) = store(
        draft(BOB, ALICE, "", message_type=IMAGE, extra=orjson.dumps(message["extra"]).decode(), media_id=theirs)
    )
    assert isinstance(answer, Refused)
    assert answer.code == Code.NO_SUCH_MEDIA
