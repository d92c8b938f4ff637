"""Tests that uploads are neither lost nor left behind when they are sent, withdrawn and removed at once. On MariaDB."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from db.blob import Blob
from db.media import Media
from db.media_use import MediaUse
from db.message import Message
from db.session import engine, write
from messaging import media_upkeep
from messaging.bodies import media_of
from messaging.delete import delete_for_everyone
from messaging.directory import may_talk
from messaging.errors import Code, Refused
from messaging.recall import recall
from messaging.send import Sent, send
from messaging.status import Status
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE, befriend, messages, read, store
from tests.messaging.uploads import is_used, picture, upload, uses
from tests.processes import PATIENCE, wait_until

USERS = (ALICE, BOB, CAROL, DAVE)
_LOCK_WAITS = "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'"
Rule = Callable[[Session, datetime], Any]


def sending(from_user_id: int, to_user_id: int, *media_ids: str) -> Rule:
    """Returns a rule that sends these uploads in one batch."""
    drafts = [picture(from_user_id, to_user_id, each) for each in media_ids]
    return lambda session, now: send(session, now, drafts, may_talk=may_talk)


def recalling(message: Any) -> Rule:
    return lambda session, now: recall(session, now, user_id=message.from_user_id, message_id=message.id)


def remove_unused(session: Session, now: datetime) -> int:
    """Remove the uploads that no message carries, as the upkeep will in two days. Returns how many they were."""
    return media_upkeep.remove_unused(session, now + timedelta(days=2), limit=100).uploads


def _somebody_waits() -> bool:
    with engine().connect() as connection:
        ((_, waits),) = connection.exec_driver_sql(_LOCK_WAITS)
    return int(waits) > 0


def meanwhile(statement: str, one: Rule, other: Rule) -> tuple[Any, Any]:
    """Returns what two rules answer, of which the `other` runs just before the first one executes `statement`.

    The first one goes on when the other has ended, or waits for a lock.
    """
    with ThreadPoolExecutor(1) as threads:
        begun: list[Any] = []

        def begin(_connection: Any, _cursor: Any, text: str, *_: Any) -> None:
            if statement in text and not begun:
                begun.append(None)
                begun[0] = threads.submit(write, other)
                wait_until(lambda: begun[0].done() or _somebody_waits(), "the other one waits or has ended")

        event.listen(engine(), "before_cursor_execute", begin)
        try:
            answer = write(one)
        finally:
            event.remove(engine(), "before_cursor_execute", begin)
        return answer, begun[0].result(PATIENCE)


@pytest.fixture
def friends(mariadb_database: str) -> None:
    """Make all of the users friends of each other."""
    for one in USERS:
        for other in USERS[one:]:
            befriend(one, other)


def agrees() -> None:
    """Fails unless just the messages that stand carry their uploads, and these are there and know of it."""
    standing = {(media_of(each), each.id) for each in messages() if each.status < Status.RECALLED}
    carried = read(lambda session: session.execute(select(MediaUse.media_id, MediaUse.message_id)).all())
    assert set(map(tuple, carried)) == standing
    known = set(read(lambda session: session.scalars(select(Media.id)).all()))
    assert {media_id for media_id, _ in standing} <= known
    for media_id in known:
        assert is_used(media_id) == any(media_id == carried for carried, _ in standing)


def test_sending_on_what_is_being_recalled_keeps_it(friends: None) -> None:
    """Bob could read it when he sent it; the recall waits for him, and then sees his message."""
    media_id = upload()
    store(picture(ALICE, BOB, media_id))
    (message,) = messages()
    (sent,), recalled = meanwhile("INSERT INTO im_message ", sending(BOB, CAROL, media_id), recalling(message))
    assert isinstance(sent, Sent)
    assert recalled.message.status == Status.RECALLED
    assert [use[0] for use in uses(media_id)] == [sent.message["id"]]
    assert is_used(media_id)
    agrees()


def test_sending_on_what_has_been_recalled_is_refused(friends: None) -> None:
    media_id = upload()
    store(picture(ALICE, BOB, media_id))
    (message,) = messages()
    recalled, (refused,) = meanwhile("UPDATE im_message", recalling(message), sending(BOB, CAROL, media_id))
    assert recalled.message.status == Status.RECALLED
    assert isinstance(refused, Refused)
    assert refused.code == Code.NO_SUCH_MEDIA
    assert not is_used(media_id)


def test_what_is_being_sent_is_not_removed(friends: None) -> None:
    media_id = upload()
    (sent,), removed = meanwhile("INSERT INTO im_message ", sending(ALICE, BOB, media_id), remove_unused)
    assert isinstance(sent, Sent)
    assert removed == 0
    agrees()


def test_what_is_being_removed_is_not_sent(friends: None) -> None:
    media_id = upload()
    removed, (refused,) = meanwhile("DELETE FROM im_media ", remove_unused, sending(ALICE, BOB, media_id))
    assert removed == 1
    assert isinstance(refused, Refused)
    assert refused.code == Code.NO_SUCH_MEDIA
    agrees()


def test_sending_locks_no_bytes(friends: None) -> None:
    """Uploads of the same bytes share a blob: sends of them must not wait for each other, or even deadlock."""
    media_id = upload()

    def rule(session: Session, now: datetime) -> None:
        sending(ALICE, BOB, media_id)(session, now)
        with engine().connect() as other:
            assert other.execute(select(Blob.id).with_for_update(nowait=True)).all()

    write(rule)


def test_a_recall_locks_the_upload_before_it_looks_who_else_carries_it(friends: None) -> None:
    store(picture(ALICE, BOB, upload()))
    heard: list[str] = []

    def hear(_connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        heard.extend(each.split(" ")[0] for each in text.split("; ") if "im_media" in each)

    event.listen(engine(), "before_cursor_execute", hear)
    try:
        write(recalling(messages()[0]))
    finally:
        event.remove(engine(), "before_cursor_execute", hear)
    assert heard == ["SELECT", "DELETE", "UPDATE"]


@pytest.mark.parametrize("seed", range(3))
def test_lives_of_uploads(friends: None, seed: int) -> None:
    ids = [upload(user) for user in USERS for _ in range(2)]

    def live(number: int) -> set[Code]:
        random, refusals = Random(10 * seed + number), set[Code]()
        for _ in range(25):
            standing = [each for each in messages() if each.status < Status.RECALLED]
            what = random.random()
            try:
                if what < 0.5 or not standing:
                    answers = write(sending(*random.sample(USERS, 2), *random.sample(ids, random.randint(1, 4))))
                    refusals |= {each.code for each in answers if isinstance(each, Refused)}
                elif what < 0.7:
                    write(recalling(random.choice(standing)))
                elif what < 0.9:
                    message = random.choice(standing)
                    write(delete_for_everyone, user_id=message.to_user_id, message_id=message.id)
                else:
                    write(remove_unused)
            except Refused as refused:
                refusals.add(refused.code)
        return refusals

    with ThreadPoolExecutor(4) as threads:
        codes = set[Code]().union(*threads.map(live, range(4)))
    assert codes <= {Code.NO_SUCH_MEDIA, Code.ALREADY_WITHDRAWN}
    agrees()
    assert read(lambda session: session.scalars(select(Message.id)).all())
